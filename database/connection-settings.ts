import * as z from 'zod';

/** How a database is reached: one set of bounds for every configuration file and protocol. */
export const Host = z.string().min(1);
export const Port = z.int().min(1).max(65_535);
export const DEFAULT_PORT = 5432;

export const SslMode = z.enum(['disable', 'require', 'verify-ca', 'verify-full']);

/** How long a server or a store may be silent while it owes an answer. */
export const STALL_SECONDS_DEFAULT = 120;
export const StallSeconds = z.number().min(1).max(86_400);

/** The fields that hold for every instance of a cluster. */
export const connectionFields = {
  user: z.string().min(1).exactOptional(),
  sslmode: SslMode.exactOptional(),
  sslrootcert: z.string().min(1).exactOptional(),
  /** The folder of pg_dump, pg_restore and psql on the segment hosts. */
  binDir: z.string().min(1).exactOptional(),
};
