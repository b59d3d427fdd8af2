import { interruptedError } from '../../async/abort.ts';
import { jittered } from '../../async/backoff.ts';
import { pause } from '../../async/poll.ts';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { failure, type Result, success } from '../../backup-set/base/result.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { Lockable } from '../catalog/relations.ts';
import type { HeldSnapshot, NodeSnapshot, Segment, SnapshotOptions } from '../flavour.ts';
import { onAllInTime } from './deadline.ts';
import type { BarrierKind } from './kind.ts';
import { attemptLimitMs, lockTimeoutOf } from './limits.ts';
import {
  allSessions,
  type BarrierMember,
  type BarrierNode,
  holdRelations,
  type LockingTerms,
  lockingSessions,
  openBarrierNode,
  passingSessions,
  rollBack,
  stopWriters,
  watched,
} from './node.ts';
import { type AttemptFailure, barrierTimedOut, blockedOf, onAllNodes } from './step.ts';
import { relationsToLock } from './to-lock.ts';

/** The clock and the random numbers; tests pass their own. */
export interface BarrierEffects {
  readonly now: () => Date;
  readonly random: () => number;
}

/** The pause after a failed attempt doubles from the first to the second, each with jitter. */
const PAUSE_MS_FIRST = 200;
const PAUSE_MS_MAX = 5_000;
/**
 * Takes one consistent snapshot of several instances that cannot share one: SHARE locks block all
 * writers for the moment in which each instance exports a snapshot. Writers wait only that long.
 * @throws StowageError `database/locked`, `database/unreachable`, `database/denied`,
 * `database/failed`, `interrupted`.
 */
export async function takeBarrierSnapshot(
  members: readonly BarrierMember[],
  kind: BarrierKind,
  options: SnapshotOptions,
  effects: BarrierEffects = { now: () => new Date(), random: Math.random },
): Promise<HeldSnapshot> {
  const nodes = await openAll(members, kind, options);
  try {
    const { accept } = kind;
    if (accept !== undefined) await Promise.all(nodes.map(accept));
    return await attempts(nodes, kind, options, effects);
  } catch (error) {
    await closeAll(nodes);
    if (options.signal?.aborted === true) throw interruptedError(options.signal);
    throw error;
  }
}

async function attempts(
  nodes: readonly BarrierNode[],
  kind: BarrierKind,
  options: SnapshotOptions,
  effects: BarrierEffects,
): Promise<HeldSnapshot> {
  let last: AttemptFailure | undefined;
  let writerWaitMs = 0;
  for (let attempt = 1; attempt <= options.attemptsMax; attempt += 1) {
    if (last !== undefined) await pause(pauseMs(attempt - 1, effects), options.signal);
    options.signal?.throwIfAborted();
    const outcome = await attemptOnce(nodes, kind, options, attempt, last, effects);
    // A failed attempt blocks writers, too: they queue behind the lock that it waits for.
    writerWaitMs = Math.max(writerWaitMs, outcome.writerWaitMs);
    const { result } = outcome;
    if (result.ok) {
      await Promise.all(nodes.flatMap(passingSessions).map((session) => session.close()));
      return held(nodes, result.value, { attempts: attempt, writerWaitMs });
    }
    last = result.failure;
    if (last.failure.kind === 'blocked') options.onBlocked?.(blockedOf(last, attempt));
  }
  throw barrierTimedOut(last, options.attemptsMax);
}

interface AttemptSuccess {
  readonly snapshots: readonly NodeSnapshot[];
  readonly takenAt: Date;
}

interface Attempt {
  readonly result: Result<AttemptSuccess, AttemptFailure>;
  /** The longest time that a writer can have waited for it. */
  readonly writerWaitMs: number;
}

/** One attempt; when it fails it leaves no lock and no transaction behind. */
async function attemptOnce(
  nodes: readonly BarrierNode[],
  kind: BarrierKind,
  options: SnapshotOptions,
  attempt: number,
  last: AttemptFailure | undefined,
  effects: BarrierEffects,
): Promise<Attempt> {
  const lockTimeoutMs = lockTimeoutOf(last, attempt, options.lockTimeoutMs);
  const termsOf = (node: BarrierNode, cancelled: AbortSignal): LockingTerms => ({
    lockTimeoutMs,
    first:
      last?.node === node && last.failure.kind === 'blocked'
        ? last.failure.wait?.relation
        : undefined,
    cancelled,
  });
  const step = (doing: string) => options.onStep?.(doing);
  step('reading which tables there are');
  const discover = kind.discover(nodes, options.selection);
  const { signal } = options;
  const relations = await relationsToLock(nodes, discover, signal);
  const locks = Math.max(0, ...[...relations.values()].map((list) => list.length));
  step(`locking ${plural(locks, 'table')} against changes of their definition`);
  const since = performance.now();
  const held = await onAllNodes(nodes, { signal }, (node, cancelled) =>
    watched(node, node.holder, () =>
      holdRelations(node, relations.get(node) ?? [], termsOf(node, cancelled)),
    ),
  );
  if (held !== undefined) return { result: await abandon(nodes, held), writerWaitMs: 0 };

  step(`locking ${plural(locks, 'table')} against writers, which wait meanwhile`);
  // A writer can be kept waiting from the moment the first SHARE lock is asked for.
  const started = performance.now();
  const lists = [...relations.values()];
  const limitMs = attemptLimitMs(nodes, lockTimeoutMs, lists, started - since);
  const stopping = nodes.filter(kind.stopsWriters);
  const stopped = await onAllNodes(
    stopping,
    { limitMs, signal: options.signal },
    (node, cancelled) =>
      watched(node, node.locker ?? node.holder, () =>
        stopWriters(node, relations.get(node) ?? [], termsOf(node, cancelled)),
      ),
  );
  if (stopped !== undefined) {
    const result = await abandon(nodes, stopped);
    return { result, writerWaitMs: performance.now() - started };
  }

  const exported = await onAllInTime(nodes, (node) => exportSnapshot(node, kind, options));
  const takenAt = effects.now();
  await onAllInTime(nodes, async ({ locker }) => locker && rollBack(locker));
  const writerWaitMs = performance.now() - started;

  step('reading which tables there are, in the snapshot');
  const described = await kind.describe(exported, options);
  options.signal?.throwIfAborted();
  const changed = nodes.find(
    (node, index) => !sameRelations(relations.get(node) ?? [], described[index]?.lockable ?? []),
  );
  if (changed !== undefined) {
    const result = await abandon(nodes, { node: changed, failure: { kind: 'changed' } });
    return { result, writerWaitMs };
  }
  const snapshots = described.map(({ snapshot }) => snapshot);
  return { result: success({ snapshots, takenAt }), writerWaitMs };
}

/** Releases all locks, so that no session queues behind them during the pause. */
async function abandon(
  nodes: readonly BarrierNode[],
  reason: AttemptFailure,
): Promise<Result<never, AttemptFailure>> {
  await Promise.all(nodes.flatMap((node) => lockingSessions(node).map(rollBack)));
  return failure(reason);
}

async function exportSnapshot(
  node: BarrierNode,
  { exports }: BarrierKind,
  { underBarrier }: Pick<SnapshotOptions, 'underBarrier'>,
) {
  // An error of the monitor says nothing about the snapshot.
  if (underBarrier !== undefined)
    await node.monitor
      .get()
      .then((monitor) => underBarrier(node.segment.content, monitor))
      .catch(() => undefined);
  if (!exports(node)) {
    // This takes the snapshot, under which the catalogs are read after the barrier.
    await node.holder.query('SELECT 1');
    return { node };
  }
  const [row] = await node.holder.query<{ id: string }>('SELECT pg_export_snapshot() AS id');
  return { node, snapshotId: row?.id ?? '' };
}

/** Compares oids too: a table that was dropped and created again in between is not locked. */
function sameRelations(locked: readonly Lockable[], seen: readonly Lockable[]): boolean {
  const identity = ({ oid, schema, name }: Lockable) => JSON.stringify([oid, schema, name]);
  const known = new Set(locked.map(identity));
  return known.size === seen.length && seen.every((relation) => known.has(identity(relation)));
}

/** Without jitter, attempts could meet a periodic writer at the same moment every time. */
function pauseMs(failures: number, { random }: BarrierEffects): number {
  return jittered(Math.min(PAUSE_MS_MAX, PAUSE_MS_FIRST * 2 ** (failures - 1)), random());
}

function held(
  nodes: readonly BarrierNode[],
  { snapshots, takenAt }: AttemptSuccess,
  { attempts, writerWaitMs }: Pick<HeldSnapshot, 'attempts' | 'writerWaitMs'>,
): HeldSnapshot {
  const lost = Promise.race(
    nodes.map(({ holder, segment }) =>
      holder.lost.catch((error: unknown) => snapshotLost(segment, error)),
    ),
  );
  // The caller listens later: a rejection before that must not end the process.
  lost.catch(() => {});
  return {
    nodes: snapshots,
    takenAt,
    writerWaitMs,
    attempts,
    lost,
    release: () => closeAll(nodes),
  };
}

function snapshotLost({ content }: Segment, cause: unknown): never {
  const message = `lost the snapshot of content ${content}: ${messageOf(cause)}`;
  throw new StowageError('database/unreachable', message, { cause, where: { content } });
}

async function openAll(
  members: readonly BarrierMember[],
  { stopsWriters }: BarrierKind,
  options: Pick<SnapshotOptions, 'label' | 'signal' | 'underBarrier'>,
): Promise<BarrierNode[]> {
  const { label = 'stowage backup', signal, underBarrier } = options;
  const terms = { label, signal, ...(underBarrier && { underBarrier }) };
  const outcomes = await Promise.allSettled(
    members.map((member) =>
      openBarrierNode(member, { ...terms, stopsWriters: stopsWriters(member) }),
    ),
  );
  const nodes = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed === undefined) return nodes;
  await closeAll(nodes);
  throw failed.reason;
}

async function closeAll(nodes: readonly BarrierNode[]): Promise<void> {
  await Promise.all(nodes.flatMap(allSessions).map((session) => session.close()));
}
