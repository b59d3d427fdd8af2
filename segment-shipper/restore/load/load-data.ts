import { isStowageError } from '../../../backup-set/base/errors.ts';
import type {
  LoadRelation,
  OrderOf,
  RestoreReceipt,
} from '../../../backup-set/documents/restore/restore.ts';
import { copyIn } from '../../../database/copy/copy-in.ts';
import { feedProgram, fifoFolder, SEGMENT } from '../../../database/copy/fifo-programs.ts';
import { copyFromPrograms } from '../../../database/copy/on-segment.ts';
import { nameLostSegment } from '../../../database/session/failover/name-lost.ts';
import { beginLoad } from '../../../database/target/load-transaction.ts';
import { type Progress, type ShipperDeps, showUnderWay } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { opensFor } from '../../read/opens.ts';
import { countBytes, rowsOf, rowsOfFrames } from '../../read/rows-of.ts';
import { labelOf } from '../locks.ts';
import { type OrderResult, requireCount } from '../order-result.ts';
import { countOnce, type Failed, failedLoad } from './again.ts';
import { type RestoreConnection, restoreConnection } from './connection.ts';
import { copyExtents, hasBinary } from './copy-extents.ts';
import { feedData } from './feed-data.ts';
import { keepLoaded } from './keep-loaded.ts';
import { loadLargeObjects } from './large-objects.ts';
import { loadRejected } from './rejected.ts';
import { type Loading, startLoading } from './shared-loading.ts';
import { type FetchedRelation, fetchTogether, isSmall } from './small-relations.ts';
import { isTiny, loadTogether, takeSmall } from './tiny-relations.ts';
import { toleratedLoads } from './tolerated.ts';

/** Bytes of rows. To load fewer takes less time than to open another connection for them. */
const JOIN_BYTES_MIN = 16 * 1024 * 1024;

/**
 * Loads all relations of an order over several connections: first the large ones, then the small
 * ones; then idle connections join the large ones that still load. A relation that fails leaves no
 * rows and becomes a problem. The others are still loaded, so the receipt names every failure.
 */
export async function loadData(
  order: OrderOf<'data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<OrderResult> {
  if (order.role === 'feed') return feedData(order, job, deps);
  const { content, encoding, sources } = order;
  const { signal, progress } = deps;
  const { kept, left, absent, mode } = await keepLoaded(order, job, deps);
  const isTogether = (relation: LoadRelation) => relation.onSegment !== true && isSmall(relation);
  const large = left
    .filter((relation) => !isTogether(relation))
    .toSorted((a, b) => b.bytes - a.bytes);
  const small = fetchTogether(left.filter(isTogether), deps.store, signal);
  const underWay: Loading[] = [];
  const loaded: RestoreReceipt['relations'] = kept.map(({ schema, name, rows }) => {
    progress.rows += rows;
    return { schema, name, rows };
  });
  progress.relationsLoaded += kept.length;
  progress.bytes += kept.reduce((sum, { bytes }) => sum + bytes, 0);
  const tolerated = toleratedLoads(order, absent);
  const failures: Failed[] = [];
  const attempts = new Map<LoadRelation, { bytesMax: number }>();
  /** The server or the network is silent: each further relation would wait as long again. */
  let hasStalled = false;
  try {
    const workers = Array.from({ length: job.workers }, (_, index) => work(index + 1));
    // allSettled: when one throws, the others must have ended before the clean-up.
    for (const worker of await Promise.allSettled(workers))
      if (worker.status === 'rejected') throw worker.reason;
  } finally {
    await small.return(undefined);
  }
  const problems = await loadRejected(failures, order, job, deps, {
    mode,
    progressOf,
    attempt,
    alone: (relation, connection) =>
      isSmall(relation)
        ? loadSmall({ relation, frames: undefined }, connection)
        : loadLarge(relation, connection),
    loaded: () => loaded,
    hasStalled: () => hasStalled,
  });
  const ended = tolerated.split(problems);
  if (ended.problems.length === 0) await loadLargeObjects(order, job, deps);
  return { loaded, ...ended };

  async function work(worker: number): Promise<void> {
    const applicationName = `${labelOf(order)} worker ${worker}`;
    const connection = restoreConnection(job, applicationName, deps);
    try {
      for (;;) {
        signal.throwIfAborted();
        const task = await nextTask();
        if (task === undefined) break;
        failures.push(...(await task(connection)));
      }
    } finally {
      await (signal.aborted ? connection.drop() : connection.close());
    }
  }

  async function nextTask(): Promise<
    ((connection: RestoreConnection) => Promise<readonly Failed[]>) | undefined
  > {
    if (hasStalled) return undefined;
    const first = large.shift();
    if (first !== undefined) return (connection) => loadLarge(first, connection);
    const next = await takeSmall(small, mode);
    if (next.length > 0) return (connection) => loadSmallOnes(next, connection);
    const loading = await loadingToJoin();
    return (
      loading &&
      (async (connection) => {
        await loading.join(connection).catch(() => connection.drop());
        return [];
      })
    );
  }

  async function loadingToJoin(): Promise<Loading | undefined> {
    for (const loading of underWay.toSorted((a, b) => b.bytesLeft() - a.bytesLeft())) {
      const isWorthIt = () => loading.bytesLeft() >= JOIN_BYTES_MIN;
      if (isWorthIt() && (await loading.isShared) && isWorthIt()) return loading;
    }
    return undefined;
  }

  function progressOf(relation: LoadRelation): Progress {
    const counted = attempts.get(relation) ?? { bytesMax: 0 };
    attempts.set(relation, counted);
    return countOnce(progress, counted);
  }

  function loadLarge(
    relation: LoadRelation,
    connection: RestoreConnection,
  ): Promise<readonly Failed[]> {
    if (relation.onSegment === true)
      return attempt([relation], connection, () => loadOnSegments(relation, connection));
    if (hasBinary(relation))
      return attempt([relation], connection, () => loadAlone(relation, connection));
    return attempt([relation], connection, async () => {
      const { applicationName } = connection;
      const { target, workers } = job;
      const options = { target, mode, encoding, workers, applicationName };
      const loading = startLoading(relation, options, {
        ...deps,
        progress: progressOf(relation),
      });
      underWay.push(loading);
      try {
        await loading.join(connection);
      } finally {
        underWay.splice(underWay.indexOf(loading), 1);
      }
    });
  }

  /** Tiny tables in one transaction; one by one where that fails, which shows whose fault it is. */
  async function loadSmallOnes(
    fetched: readonly FetchedRelation[],
    connection: RestoreConnection,
  ): Promise<readonly Failed[]> {
    const tiny = fetched.length > 1 ? fetched.filter(isTiny) : [];
    const relations = tiny.map(({ relation }) => relation);
    const isDone = tiny.length > 0 && (await loadTogether(tiny, connection, deps, encoding));
    const failed: Failed[] = [];
    if (isDone)
      await attempt(relations, connection, async () => {
        for (const relation of relations) progressOf(relation).bytes += relation.bytes;
      });
    for (const one of fetched) {
      if (!tiny.includes(one)) failed.push(...(await loadSmall(one, connection)));
      // The memory of its frames was released when they were decoded.
      else if (!isDone)
        failed.push(
          ...(await loadSmall({ relation: one.relation, frames: undefined }, connection)),
        );
    }
    return failed;
  }

  function loadSmall(
    { relation, frames }: FetchedRelation,
    connection: RestoreConnection,
  ): Promise<readonly Failed[]> {
    return attempt([relation], connection, async () => {
      const session = await connection.open();
      const over = new AbortController();
      const either = AbortSignal.any([signal, over.signal]);
      const opens = opensFor(deps.keys, relation);
      const rows =
        frames === undefined
          ? rowsOf(deps.store, relation.extents, { signal: either, ...opens })
          : rowsOfFrames(frames, opens.opens);
      const transaction = await beginLoad(session, relation, { mode, signal });
      const options = { signal, encoding, over };
      const count = await copyIn(
        session,
        relation,
        countBytes(rows, progressOf(relation)),
        options,
      );
      requireCount(`${relation.schema}.${relation.name}`, count, relation.rows);
      await transaction.commit();
    });
  }

  /** Over one connection, and in more than one COPY where the rows have two formats. */
  async function loadAlone(relation: LoadRelation, connection: RestoreConnection): Promise<void> {
    const session = await connection.open();
    const transaction = await beginLoad(session, relation, { mode, signal });
    const opens = opensFor(deps.keys, relation);
    const options = { ...deps, encoding, progress: progressOf(relation), ...opens };
    const count = await copyExtents(session, relation, relation.extents, options);
    requireCount(`${relation.schema}.${relation.name}`, count, relation.rows);
    await transaction.commit();
  }

  /** The shippers of the segments feed the rows, and count them into their own progress. */
  async function loadOnSegments(
    relation: LoadRelation,
    connection: RestoreConnection,
  ): Promise<void> {
    const session = await connection.open();
    const program = feedProgram(fifoFolder(job.fifoBase, job.restore, SEGMENT), relation.id);
    const transaction = await beginLoad(session, relation, { mode, signal });
    const count = await copyFromPrograms(session, relation, program, { signal, encoding });
    requireCount(`${relation.schema}.${relation.name}`, count, relation.rows);
    await transaction.commit();
  }

  /** After a failure it drops the connection: its session may be in any state. */
  async function attempt(
    relations: readonly LoadRelation[],
    connection: RestoreConnection,
    load: () => Promise<void>,
  ): Promise<readonly Failed[]> {
    const [{ schema, name } = { schema: '', name: '' }] = relations;
    using _ = showUnderWay(progress, `${schema}.${name}`);
    try {
      await load();
      for (const { schema, name, rows, onSegment } of relations) {
        loaded.push({ schema, name, rows });
        progress.relationsLoaded += 1;
        if (onSegment !== true) progress.rows += rows;
      }
      return [];
    } catch (error) {
      deps.log.error({ err: error, relation: `${schema}.${name}` }, 'cannot load the relation');
      hasStalled ||= isStowageError(error, 'database/stalled');
      await connection.drop();
      const named = await nameLostSegment(error, job.target, deps.signal);
      return relations.map((relation) =>
        tolerated.note(named, failedLoad(named, content, relation, sources)),
      );
    }
  }
}
