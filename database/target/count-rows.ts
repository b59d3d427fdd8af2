import { asStowageError, type StowageError } from '../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../backup-set/base/selection.ts';
import { conditionOf } from '../catalog/extension-tables.ts';
import { sqlStateOf } from '../session/database-error.ts';
import { quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';
import { batches } from './batches.ts';
import { partitionedTables } from './partitions.ts';

/** A table that another session keeps locked for longer counts as a failure. */
const LOCK_MS_MAX = 60_000;

/** Relations up to this many bytes of rows are counted together, in one call. */
const TOGETHER_BYTES_MAX = 16 * 1024 * 1024;
const TOGETHER_MAX = 100;

export interface RelationToCount extends QualifiedName {
  /** Count only the rows that the target's extension calls user data. */
  readonly isConditional: boolean;
}

/**
 * Counts the rows of relations, without those of their children. For a relation that the server
 * cannot count, the result is the error. A partitioned table is counted with its partitions: it
 * holds no rows itself.
 * @throws StowageError when the connection breaks.
 */
export async function countRows(
  session: Session,
  relations: readonly RelationToCount[],
): Promise<(number | StowageError)[]> {
  await session.query(`SET lock_timeout = ${LOCK_MS_MAX}`);
  const conditions = await extensionConditions(session, relations);
  const sources = relations.map((relation) => {
    const from = `FROM ONLY ${quoteQualified(relation)}`;
    const condition = conditions.get(nameOf(relation));
    return condition === undefined ? from : `FROM (SELECT ${from} WHERE ${condition}) AS counted`;
  });
  const counts: (number | StowageError)[] = [];
  for (const batch of batches(sources)) counts.push(...(await countBatch(session, batch)));
  return withPartitions(session, relations, counts);
}

async function withPartitions(
  session: Session,
  relations: readonly RelationToCount[],
  counts: readonly (number | StowageError)[],
): Promise<(number | StowageError)[]> {
  const empty = [...counts.keys()].filter((at) => counts[at] === 0);
  const tables = empty.flatMap((at) => relations[at] ?? []);
  const partitioned = await partitionedTables(session, tables);
  const whole = [...counts];
  for (const place of partitioned) {
    const [at, table] = [empty[place], tables[place]];
    if (at === undefined || table === undefined) continue;
    const [count] = await countBatch(session, [`FROM ${quoteQualified(table)}`]);
    whole[at] = count ?? Number.NaN;
  }
  return whole;
}

async function countBatch(
  session: Session,
  sources: readonly string[],
): Promise<(number | StowageError)[]> {
  const isGreenplum = session.target.greenplum !== undefined;
  const statement = isGreenplum ? countByPlace(sources) : countEach(sources);
  try {
    using _ = session.mayBeSilent();
    const found = await session.query<{ at: number; rows: number }>(statement);
    const byPlace = new Map(found.map(({ at, rows }) => [at, rows]));
    return sources.map((_, at) => byPlace.get(at) ?? (isGreenplum ? 0 : Number.NaN));
  } catch (error) {
    if (sqlStateOf(error) === undefined) throw error;
    if (sources.length === 1) return [asStowageError(error)];
    const counts: (number | StowageError)[] = [];
    for (const source of sources) counts.push(...(await countBatch(session, [source])));
    return counts;
  }
}

function countEach(sources: readonly string[]): string {
  const selects = sources.map((from, at) => `SELECT ${at} AS at, count(*)::float8 AS rows ${from}`);
  return selects.join(' UNION ALL ');
}

/**
 * Greenplum starts a process per segment for each count of a statement, so one count gets the rows
 * of all tables. A table without rows is not in the result.
 */
function countByPlace(sources: readonly string[]): string {
  const rows = sources.map((from, at) => `SELECT ${at} AS at ${from}`).join(' UNION ALL ');
  return `SELECT at, count(*)::float8 AS rows FROM (${rows}) AS counted GROUP BY at`;
}

/** The conditions of extension configuration tables, from the target's own catalog. */
async function extensionConditions(
  session: Session,
  relations: readonly RelationToCount[],
): Promise<ReadonlyMap<string, string>> {
  const conditional = relations.filter(({ isConditional }) => isConditional);
  if (conditional.length === 0) return new Map();
  const found = await session.query<QualifiedName & { condition: string | null }>(
    `SELECT n.nspname AS schema, c.relname AS name, x.condition
     FROM (SELECT unnest(extconfig) AS relation, unnest(extcondition) AS condition FROM pg_extension) x
     JOIN pg_class c ON c.oid = x.relation JOIN pg_namespace n ON n.oid = c.relnamespace`,
  );
  const wanted = new Set(conditional.map(nameOf));
  return new Map(
    found.flatMap((relation): [string, string][] => {
      const condition = conditionOf(relation.condition);
      const name = nameOf(relation);
      return condition === undefined || !wanted.has(name) ? [] : [[name, condition]];
    }),
  );
}

const nameOf = ({ schema, name }: QualifiedName) => JSON.stringify([schema, name]);

/** Shares of the work for several connections: large relations one by one, then the small ones. */
export function batchesToCount<Relation extends { readonly bytes: number }>(
  relations: readonly Relation[],
): Relation[][] {
  const made: Relation[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const relation of relations.toSorted((a, b) => b.bytes - a.bytes)) {
    const last = made.at(-1);
    bytes += relation.bytes;
    if (last !== undefined && last.length < TOGETHER_MAX && bytes <= TOGETHER_BYTES_MAX) {
      last.push(relation);
    } else {
      made.push([relation]);
      bytes = relation.bytes;
    }
  }
  return made;
}
