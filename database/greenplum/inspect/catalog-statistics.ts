import { plural } from '../../../backup-set/base/words.ts';
import { attempt, type ServerCheck } from '../../inspect/check.ts';
import type { Session } from '../../session/session.ts';

/** With fewer partitions, pg_dump takes seconds also without statistics. */
const PARTITIONS_MIN = 1_000;

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
    const [row] = await session.query<{ partitions: number }>(
      'SELECT count(*)::int AS partitions FROM pg_catalog.pg_partition_rule',
    );
    return statisticsCheck(name, catalog.rows, row?.partitions ?? 0);
  };
  return [await attempt(name, check)];
}

/** For information only: pg_dump is slow, and not wrong. */
export function statisticsCheck(name: string, known: number, partitions: number): ServerCheck {
  const all = plural(partitions, 'partition');
  if (partitions < PARTITIONS_MIN || known * 2 >= partitions)
    return { name, ok: true, detail: `${all}; pg_dump can plan its statements` };
  const detail = `${all}, and pg_partition_rule has no statistics of them, so pg_dump takes minutes. Run ANALYZE pg_catalog.pg_partition_rule, ANALYZE pg_catalog.pg_partition and ANALYZE pg_catalog.pg_class in this database`;
  return { name, ok: true, remark: true, detail };
}
