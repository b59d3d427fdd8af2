import * as z from 'zod';
import { DEFAULT_SSL_MODE, isWeak, SslMode, SYSTEM_AUTHORITIES } from './session/tls/modes.ts';

/** How a database is reached: one set of bounds for every configuration file and protocol. */
export const Host = z.string().min(1);
export const Port = z.int().min(1).max(65_535);
export const DEFAULT_PORT = 5432;

/** How long a server or a store may be silent while it owes an answer. */
export const STALL_SECONDS_DEFAULT = 120;
export const StallSeconds = z.number().min(1).max(86_400);

/** The fields that hold for every instance of a cluster. */
export const connectionFields = {
  user: z.string().min(1).exactOptional(),
  sslmode: SslMode.exactOptional(),
  /** Names of files on every host, or `system`. */
  sslrootcert: z.string().min(1).exactOptional(),
  sslcert: z.string().min(1).exactOptional(),
  sslkey: z.string().min(1).exactOptional(),
  /** The folder of pg_dump, pg_restore and psql on the segment hosts. */
  binDir: z.string().min(1).exactOptional(),
};

/** The section `connection` of stowage.yaml and of agent.yaml. */
export const ConnectionSection = z
  .strictObject({ ...connectionFields, sslmode: SslMode.default(DEFAULT_SSL_MODE) })
  .superRefine(({ sslmode, sslrootcert }, context) => {
    const issue = (message: string) =>
      context.addIssue({ code: 'custom', path: ['sslrootcert'], message });
    if (sslrootcert === undefined) return;
    if (isWeak(sslmode))
      issue(
        `does not protect with sslmode ${sslmode}: a server with another certificate would get a connection without TLS. Set connection.sslmode to verify-full`,
      );
    else if (sslrootcert === SYSTEM_AUTHORITIES && sslmode !== 'verify-full')
      issue(
        `is "${SYSTEM_AUTHORITIES}", which needs sslmode verify-full: these authorities sign certificates for any host`,
      );
  });
