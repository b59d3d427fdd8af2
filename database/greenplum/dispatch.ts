import { interruptedError, onAbort } from '../../async/abort.ts';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { LOCK_WAIT_MS_MAX } from '../../backup-set/documents/agents.ts';
import { describeServer } from '../barrier/kind.ts';
import { readDumpGaps } from '../catalog/dump-gaps.ts';
import type { Discovery, LockedRelation } from '../catalog/relations.ts';
import { copyToPrograms } from '../copy/on-segment.ts';
import type { ConnectionTarget, HeldSnapshot, NodeSnapshot, SnapshotOptions } from '../flavour.ts';
import { BACKUP_ADVICE, SERVER_LATER_MS } from '../lock-watch/terms.ts';
import { watchLocks } from '../lock-watch/watch.ts';
import { openSession, type Session } from '../session/session.ts';
import { attachSnapshot } from '../session/snapshot.ts';
import { type Canary, createCanary, isIsolated } from './canary.ts';
import { holdRelations } from './dispatch-locks.ts';
import type { GreenplumTopology } from './topology.ts';

/**
 * The snapshot for clusters whose writers never pause long enough for a barrier: one transaction on
 * the coordinator, whose distributed snapshot holds on every segment. Only DDL waits for it, as for
 * any reader. Rows are read by statements of this transaction, and of sessions that imported its
 * snapshot and passed the canary's test.
 */
export async function takeDispatchSnapshot(
  target: ConnectionTarget,
  topology: GreenplumTopology,
  options: SnapshotOptions,
  now: () => Date = () => new Date(),
): Promise<HeldSnapshot> {
  const label = options.label ?? 'stowage backup';
  const limitMs = Math.min(LOCK_WAIT_MS_MAX, options.lockTimeoutMs * options.attemptsMax);
  const session = (role: string) =>
    ({
      purpose: 'holder',
      applicationName: `${label} ${role}`,
      lockTimeoutMs: limitMs + SERVER_LATER_MS,
      signal: options.signal,
    }) as const;
  const holder = await openSession(target, session('holder'));
  const sessions = [holder];
  let canary: Canary | undefined;
  // Ends statements that wait. The canary's session stays open, to drop its table.
  using _ = onAbort(options.signal, () => void closeAll(sessions));
  try {
    canary = await createCanary(target, label, options.signal);
    const { discovery, takenAt, attempts } = await holdRelations(holder, topology, options, now);
    const snapshotId = await exportFrom(holder);
    await canary.insertLateRows();
    for (let at = 1; at < (options.connections ?? 1); at++) {
      const importer = await attachSnapshot(target, snapshotId, session(`dispatch ${at}`));
      if (!(await isIsolated(importer, canary))) {
        // On a Greenplum 7 pre-release an importer sees newer rows on the segments: use one
        // session.
        await importer.close();
        break;
      }
      sessions.push(importer);
    }
    if (!(await isIsolated(holder, canary)))
      throw new StowageError(
        'database/failed',
        "the coordinator's own snapshot shows rows that were committed after it",
      );
    const nodes = await describe(holder, topology, discovery);
    const toRead = new Set<Readable>(discovery.relations);
    const over = new AbortController();
    const watch = {
      own: { pids: sessions.map(({ pid }) => pid) },
      limitMs,
      toRead: () => [...toRead],
      advice: BACKUP_ADVICE,
    };
    return {
      nodes,
      takenAt,
      writerWaitMs: 0,
      attempts,
      lost: lossOf(sessions, watchLocks(target, watch, over.signal)),
      dispatch: dispatcher(sessions, toRead),
      release: async () => {
        over.abort();
        await closeAll(sessions);
      },
    };
  } catch (error) {
    await closeAll(sessions);
    if (options.signal?.aborted === true) throw interruptedError(options.signal);
    throw error;
  } finally {
    await canary?.drop();
  }
}

async function exportFrom(holder: Session): Promise<string> {
  const [row] = await holder.query<{ id: string }>('SELECT pg_export_snapshot() AS id');
  return row?.id ?? '';
}

/**
 * With ON SEGMENT each segment would send all rows of a replicated table, and a condition cannot be
 * applied: the coordinator sends these rows.
 */
function leavesThroughCoordinator({
  replicated,
  condition,
}: Pick<LockedRelation, 'replicated' | 'condition'>): boolean {
  return replicated === true || condition !== undefined;
}

async function describe(
  holder: Session,
  { segments, version }: GreenplumTopology,
  discovery: Discovery,
): Promise<NodeSnapshot[]> {
  const server = { ...(await describeServer(holder)), serverVersion: version.text };
  const gaps = await readDumpGaps(holder);
  const work = workOf(discovery, segments.length - 1, await estimates(holder));
  return segments.map((segment) => ({
    segment,
    ...server,
    ...(segment.content === -1 ? { ...work.coordinator, gaps } : work.segment),
  }));
}

type NodeWork = Pick<
  NodeSnapshot,
  'definitions' | 'relations' | 'notShipped' | 'refresh' | 'largeObjects'
>;

/**
 * What the coordinator ships, and what each segment ships. `bytes` of a table: of all segments
 * together.
 */
export function workOf(
  { relations, notShipped, refresh }: Discovery,
  segments: number,
  bytes: ReadonlyMap<number, number>,
): { readonly coordinator: NodeWork; readonly segment: NodeWork } {
  // Whole bytes: the format allows no fractions.
  const sized = (list: readonly LockedRelation[], share: number) =>
    list.map(({ oid, ...relation }) => ({
      ...relation,
      bytesEstimated: Math.ceil((bytes.get(oid) ?? 0) / share),
    }));
  const own = relations.filter(leavesThroughCoordinator);
  const distributed = relations.filter((relation) => !leavesThroughCoordinator(relation));
  return {
    coordinator: {
      definitions: true,
      relations: sized(own, 1),
      notShipped,
      refresh,
      largeObjects: 0,
    },
    segment: {
      definitions: false,
      relations: sized(distributed, segments),
      notShipped: [],
      refresh: [],
      largeObjects: 0,
    },
  };
}

/** Sizes of the last ANALYZE: reading real sizes would query every segment for every table. */
async function estimates(session: Session): Promise<ReadonlyMap<number, number>> {
  const rows = await session.query<{ oid: number; bytes: number }>(
    `SELECT oid::int8::float8 AS oid, relpages::float8 * current_setting('block_size')::float8 AS bytes
     FROM pg_class WHERE relkind = 'r' AND oid >= 16384`,
  );
  return new Map(rows.map(({ oid, bytes }) => [oid, bytes]));
}

type Readable = Pick<LockedRelation, 'schema' | 'name'>;

function dispatcher(
  sessions: readonly Session[],
  toRead: Set<Readable>,
): NonNullable<HeldSnapshot['dispatch']> {
  return {
    connections: sessions.length,
    copyOut: (connection, relation, program, options) => {
      for (const one of toRead)
        if (one.schema === relation.schema && one.name === relation.name) toRead.delete(one);
      const session = sessions[connection];
      if (session === undefined) throw new Error(`there is no connection ${connection}`);
      return copyToPrograms(session, relation, program, {
        ...options,
        everywhere: !leavesThroughCoordinator(relation),
      });
    },
  };
}

/** Rejects also when a statement has waited too long for a lock, which `watching` finds. */
function lossOf(sessions: readonly Session[], watching: Promise<void>): Promise<never> {
  const tooLong = watching.then(() => new Promise<never>(() => {}));
  const broken = Promise.race(sessions.map((session) => session.lost)).catch((cause: unknown) => {
    const message = `lost the coordinator's snapshot: ${messageOf(cause)}`;
    throw new StowageError('database/unreachable', message, { cause, where: { content: -1 } });
  });
  const lost = Promise.race([broken, tooLong]);
  // The caller listens later: a rejection before that must not end the process.
  lost.catch(() => undefined);
  return lost;
}

async function closeAll(sessions: readonly Session[]): Promise<void> {
  await Promise.all(sessions.map((session) => session.destroy()));
}
