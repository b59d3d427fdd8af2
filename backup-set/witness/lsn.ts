import * as z from 'zod';

/** A position in the WAL, as PostgreSQL prints it. */
export const Lsn = z.string().regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/);
