import type { Session } from '../session/session.ts';
import type { ServerCheck } from './check.ts';

/** A row of five such values, or one that is ten times the average, does not fit into COPY. */
const AVERAGE_BYTES_MAX = 100_000_000;
const SHOWN = 5;

/**
 * Tables whose TOAST table, divided by their rows, shows values that may be too long for COPY. It
 * rests on the estimates of the last VACUUM and reads no table, so one long value among many short
 * ones is not found. Never a failure: COPY BINARY may carry the rows.
 */
export async function checkLongValues(
  session: Session,
  averageBytesMax = AVERAGE_BYTES_MAX,
): Promise<ServerCheck> {
  const name = 'long values';
  const tables = await session.query<{ table: string; megabytes: number }>(
    `SELECT n.nspname || '.' || c.relname AS table, round(average / 1e6)::int AS megabytes
     FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     CROSS JOIN LATERAL (SELECT t.relpages * current_setting('block_size')::float8 / c.reltuples AS average) a
     WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.reltuples > 0 AND average > $1
     ORDER BY average DESC LIMIT ${SHOWN}`,
    [averageBytesMax],
  );
  if (tables.length === 0)
    return { name, ok: true, detail: 'no table has very long values on average' };
  const list = tables.map(({ table, megabytes }) => `${table} (${megabytes} MB per row)`);
  const detail = `${list.join(', ')}: a row over 1 GB of COPY text is backed up as COPY BINARY, and fails the backup when it has over 1 GB there too (docs/operations.md, "Rows that are too long")`;
  return { name, ok: true, remark: true, detail };
}
