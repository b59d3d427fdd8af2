import { StowageError } from '../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { placeOf } from './place.ts';
import { ROW_SECURITY_SINCE } from './settings.ts';

/** What a backend says about itself. */
export interface BackendFacts {
  readonly pid: number;
  /** Null before PostgreSQL 9.5 (Greenplum 6), which has no policies. */
  readonly row_security: string | null;
  readonly search_path: string;
  readonly extra_float_digits: string;
}

/** To be sent as a statement of its own: only then can a pooler choose another backend for it. */
export function backendFacts(version: number | undefined): string {
  const rowSecurity =
    version === undefined
      ? "(SELECT setting FROM pg_catalog.pg_settings WHERE name = 'row_security')"
      : version >= ROW_SECURITY_SINCE
        ? "pg_catalog.current_setting('row_security')"
        : 'NULL::text';
  return `SELECT pg_catalog.pg_backend_pid() AS pid, ${rowSecurity} AS row_security,
  pg_catalog.current_setting('search_path') AS search_path,
  pg_catalog.current_setting('extra_float_digits') AS extra_float_digits`;
}

/**
 * A pooler that gives each transaction another backend loses our settings, snapshots and locks.
 * `pid` is the process that the server named when it accepted the connection: a pooler names
 * another one, and cannot pass on a cancellation to the right one.
 * @throws StowageError `database/pooled`.
 */
export function requireOwnBackend(
  target: ConnectionTarget,
  pid: number,
  facts: BackendFacts | undefined,
): void {
  if (facts === undefined) return;
  const why =
    facts.pid !== pid
      ? `process ${facts.pid} answers on a connection of process ${pid}`
      : facts.row_security === 'on'
        ? 'row_security is on in a session that has set it to off'
        : facts.search_path !== '' && facts.search_path !== '""'
          ? `search_path is ${facts.search_path} in a session that has set it to be empty`
          : facts.extra_float_digits !== '3'
            ? `extra_float_digits is ${facts.extra_float_digits} in a session that has set it to 3`
            : undefined;
  if (why === undefined) return;
  throw new StowageError(
    'database/pooled',
    `${placeOf(target)} is a connection pooler, not a server: ${why}`,
    target.content === undefined ? {} : { where: { content: target.content } },
  );
}
