import { plural } from '../../../backup-set/base/words.ts';
import type { ConnectionTarget } from '../../flavour.ts';
import { attempt, type ServerCheck } from '../../inspect/check.ts';
import { withoutSegments } from '../../session/failover/through-failover.ts';
import { openSession, type Session } from '../../session/session.ts';

/** With fewer partitions, pg_dump takes seconds also without statistics. */
const PARTITIONS_MIN = 1_000;
/** For each table pg_dump then reads all partitions of the database: 1.3 s for 120,000. */
const MS_PER_PARTITION = 0.011;

/**
 * Greenplum 6: whether its pg_dump, which asks for the partitions of each table, can be fast. Other
 * versions have no pg_partition_rule, and get no check.
 */
export async function checkCatalogStatistics(session: Session): Promise<ServerCheck[]> {
  const name = 'catalog statistics';
  const [catalog] = await session.query<{ rows: number }>(
    `SELECT reltuples::float8 AS rows FROM pg_catalog.pg_class
     WHERE relname = 'pg_partition_rule'
       AND relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'pg_catalog')`,
  );
  if (catalog === undefined) return [];
  const check = async (): Promise<ServerCheck> => {
    const [row = { partitions: 0, tables: 0 }] = await session.query<Partitions>(
      `SELECT count(*)::int AS partitions, count(DISTINCT paroid)::int AS tables
       FROM pg_catalog.pg_partition_rule`,
    );
    return statisticsCheck(name, catalog.rows, row);
  };
  return [await attempt(name, check)];
}

interface Partitions {
  readonly partitions: number;
  readonly tables: number;
}

/** For information only: pg_dump is slow, and not wrong. */
export function statisticsCheck(
  name: string,
  known: number,
  { partitions, tables }: Partitions,
): ServerCheck {
  const all = plural(partitions, 'partition');
  if (partitions < PARTITIONS_MIN || known * 2 >= partitions)
    return { name, ok: true, detail: `${all}; pg_dump can plan its statements` };
  const minutes = Math.ceil((tables * partitions * MS_PER_PARTITION) / 60_000);
  const detail = `${all}, and pg_partition_rule has no statistics of them, so pg_dump takes about ${plural(minutes, 'minute')} longer. Run ANALYZE pg_catalog.pg_partition_rule, ANALYZE pg_catalog.pg_partition and ANALYZE pg_catalog.pg_class in this database`;
  return { name, ok: true, remark: true, detail };
}

/** What to do before a backup, so that its pg_dump is fast; undefined = nothing. */
export async function statisticsAdvice(
  target: ConnectionTarget,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const session = await openSession(withoutSegments(target), {
    purpose: 'probe',
    applicationName: 'stowage programs',
    signal,
  });
  try {
    const checks = await checkCatalogStatistics(session);
    return checks.find(({ remark }) => remark === true)?.detail;
  } finally {
    await session.close();
  }
}
