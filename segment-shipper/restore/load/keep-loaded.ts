import { eachInFlight } from '../../../async/each-in-flight.ts';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import type {
  LoadRelation,
  OrderOf,
  RestoreRequest,
} from '../../../backup-set/documents/restore/restore.ts';
import type { Session } from '../../../database/session/session.ts';
import { batchesToCount, countRows } from '../../../database/target/count-rows.ts';
import { tableFacts } from '../../../database/target/facts.ts';
import { truncateRelations } from '../../../database/target/relations.ts';
import type { ShipperDeps } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { inSession } from '../in-session.ts';
import { requirePrepared } from '../unfinished.ts';
import { byRoot } from './through-root.ts';

/** What a data order still has to load. */
interface LeftToLoad {
  /** Relations that an earlier restore has loaded. */
  readonly kept: readonly LoadRelation[];
  readonly left: readonly LoadRelation[];
  /** Relations that phase pre-data could not make; only with `onError: continue`. */
  readonly absent: readonly LoadRelation[];
  /** With `truncate`, a load first deletes the rows of its table. */
  readonly mode: RestoreRequest['mode'];
}

/**
 * Counts the relations of an order that resumes a restore, and keeps those with all their rows. The
 * others are emptied. The tables of an order that does not resume are empty.
 * @throws StowageError `restore/refused` when the mark does not say that the tables are the
 * restore's own: the right number of other rows must not be kept.
 */
export async function keepLoaded(
  order: OrderOf<'data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<LeftToLoad> {
  const { resumes, mode } = order;
  const { relations, absent } = await withoutAbsent(order, job, deps);
  if (resumes === undefined) return { kept: [], left: relations, absent, mode };
  await inSession(order, job, deps, async (session) => {
    await requirePrepared(session, resumes);
  });
  const counts = new Map<LoadRelation, number>();
  // Phase pre-data does not empty the configuration tables of extensions: their loads do.
  const batches = batchesToCount(relations.filter(({ conditional }) => conditional !== true));
  const lanes = Array.from({ length: Math.min(job.workers, batches.length) }, (_, lane) => lane);
  await eachInFlight(lanes, Math.max(lanes.length, 1), () =>
    inSession(order, job, deps, async (session) => {
      for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
        const counted = await countRows(session, batch.map(withoutCondition));
        for (const [at, relation] of batch.entries())
          counts.set(relation, counted[at] instanceof Error ? Number.NaN : (counted[at] ?? 0));
      }
    }),
  );
  const kept = new Set(relations.filter((relation) => counts.get(relation) === relation.rows));
  await inSession(order, job, deps, async (session) => {
    for (const whole of await wholeTrees(session, counts)) kept.add(whole);
  });
  const wrong = [...counts].flatMap(([relation, rows]) =>
    kept.has(relation) || rows === 0 ? [] : [relation],
  );
  if (wrong.length > 0)
    await inSession(order, job, deps, (session) =>
      truncateRelations(session, wrong).catch((error: unknown) => {
        // Another table refers to one of them: their loads delete the rows, one by one.
        if (!isStowageError(error, 'restore/refused')) throw error;
      }),
    );
  deps.log.info({ kept: kept.size, emptied: wrong.length }, 'counted what is loaded already');
  return {
    kept: [...kept],
    left: relations.filter((relation) => !kept.has(relation)),
    absent,
    mode: 'truncate',
  };
}

/** The relations that exist, and those that do not. */
async function withoutAbsent(order: OrderOf<'data'>, job: RestoreJob, deps: ShipperDeps) {
  const { relations, onError } = order;
  if (onError !== 'continue') return { relations, absent: [] };
  let found: ReadonlyMap<number, unknown> = new Map();
  await inSession(order, job, deps, async (session) => {
    found = await tableFacts(session, relations);
  });
  return {
    relations: relations.filter((_, at) => found.has(at)),
    absent: relations.filter((_, at) => !found.has(at)),
  };
}

/**
 * Partitions that hold the rows of the set together, though not each its own: they were loaded
 * through their root, in one transaction and after all others of the tree.
 */
async function wholeTrees(
  session: Session,
  counts: ReadonlyMap<LoadRelation, number>,
): Promise<LoadRelation[]> {
  const differing = [...counts].some(([{ rows }, counted]) => counted !== rows && counted !== 0);
  if (!differing) return [];
  const trees = await byRoot(session, [...counts.keys()]);
  return trees.flatMap(({ relations }) => {
    const sum = (rows: (relation: LoadRelation) => number) =>
      relations.reduce((total, relation) => total + rows(relation), 0);
    const isWhole = sum((one) => counts.get(one) ?? 0) === sum(({ rows }) => rows);
    return isWhole ? [...relations] : [];
  });
}

const withoutCondition = ({ schema, name }: LoadRelation) => ({
  schema,
  name,
  isConditional: false,
});
