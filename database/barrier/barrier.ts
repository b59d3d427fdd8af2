import { setTimeout as sleep } from 'node:timers/promises';
import { interruptedError } from '../../async/abort.ts';
import { jittered } from '../../async/backoff.ts';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import type { Lockable } from '../catalog/relations.ts';
import type { HeldSnapshot, NodeSnapshot, Segment, SnapshotOptions } from '../flavour.ts';
import type { BarrierKind } from './kind.ts';
import {
  type BarrierMember,
  type BarrierNode,
  holdRelations,
  type LockingTerms,
  openBarrierNode,
  rollBack,
  stopWriters,
  watched,
} from './node.ts';
import { barrierGivenUp, blockedOf } from './report.ts';
import { type AttemptFailure, onAllNodes } from './step.ts';

/** Where a barrier gets its time and its dice from. */
export interface BarrierEffects {
  readonly now: () => Date;
  readonly random: () => number;
}

/** The first pause after a failed attempt; it doubles up to the second, and each is shortened by up to half by chance. */
const PAUSE_MS_FIRST = 200;
const PAUSE_MS_MAX = 5_000;
/**
 * Many short waits, each within lock_timeout, add up while writers stand still; past deadlock_timeout a writer that we
 * hold up and wait for would be killed. So an attempt as a whole gets this much of deadlock_timeout, and what the
 * locking itself takes (0.05 ms were measured per relation).
 */
const DEADLOCK_TIMEOUT_SHARE = 0.9;
const MS_PER_RELATION = 0.2;
/**
 * Patience grows with the attempts, from this to lockTimeoutMs: a writer between two servers waits for our lock on one
 * while we wait for his on the other, which no server can see, and only our giving up ends it.
 */
const LOCK_TIMEOUT_MS_FIRST = 100;
/** Over deadlock_timeout: see `lockTimeoutOf`. */
const AUTOVACUUM_MARGIN_MS = 500;

/**
 * Takes one consistent snapshot of several instances that cannot share one: all stand still under SHARE locks
 * for the moment in which each exports a snapshot of its own. Writers wait for that moment only.
 * @throws StowageError `database/locked`, `database/unreachable`, `database/denied`, `database/failed`, `interrupted`.
 */
export async function takeBarrierSnapshot(
  members: readonly BarrierMember[],
  kind: BarrierKind,
  options: SnapshotOptions,
  effects: BarrierEffects = { now: () => new Date(), random: Math.random },
): Promise<HeldSnapshot> {
  const nodes = await openAll(members, options);
  try {
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
  for (let attempt = 1; attempt <= options.attemptsMax; attempt += 1) {
    if (last !== undefined) await pause(attempt - 1, options.signal, effects);
    options.signal?.throwIfAborted();
    const outcome = await attemptOnce(nodes, kind, options, attempt, last, effects);
    if ('snapshots' in outcome) {
      await Promise.all(nodes.flatMap(({ locker, monitor }) => [locker.close(), monitor.close()]));
      return held(nodes, outcome, attempt);
    }
    last = outcome;
    if (last.failure.kind === 'blocked') options.onBlocked?.(blockedOf(last, attempt));
  }
  throw barrierGivenUp(last, options.attemptsMax);
}

interface AttemptSuccess {
  readonly snapshots: readonly NodeSnapshot[];
  readonly takenAt: Date;
  readonly writerWaitMs: number;
}

/** One try, which leaves no lock and no transaction behind when it fails. */
async function attemptOnce(
  nodes: readonly BarrierNode[],
  kind: BarrierKind,
  options: SnapshotOptions,
  attempt: number,
  last: AttemptFailure | undefined,
  effects: BarrierEffects,
): Promise<AttemptFailure | AttemptSuccess> {
  const lockTimeoutMs = lockTimeoutOf(last, attempt, options.lockTimeoutMs);
  const relations = new Map<BarrierNode, readonly Lockable[]>();
  const termsOf = (node: BarrierNode, recalled: AbortSignal): LockingTerms => ({
    lockTimeoutMs,
    first:
      last?.node === node && last.failure.kind === 'blocked'
        ? last.failure.wait?.relation
        : undefined,
    recalled,
  });
  const look = kind.look(nodes, options.selection);
  const held = await onAllNodes(nodes, { signal: options.signal }, (node, recalled) =>
    watched(node, node.holder, async () => {
      const wanted = await look(node);
      relations.set(node, wanted);
      await holdRelations(node, wanted, termsOf(node, recalled));
    }),
  );
  if (held !== undefined) return abandon(nodes, held);

  // A writer can be kept waiting from the moment the first SHARE lock is asked for.
  const started = performance.now();
  const limitMs = attemptLimitMs(nodes, lockTimeoutMs, [...relations.values()]);
  const stopping = nodes.filter(kind.stopsWriters);
  const stopped = await onAllNodes(
    stopping,
    { limitMs, signal: options.signal },
    (node, recalled) =>
      watched(node, node.locker, () =>
        stopWriters(node, relations.get(node) ?? [], termsOf(node, recalled)),
      ),
  );
  if (stopped !== undefined) return abandon(nodes, stopped);

  const exported = await Promise.all(nodes.map((node) => exportSnapshot(node, kind)));
  const takenAt = effects.now();
  await Promise.all(nodes.map(({ locker }) => rollBack(locker)));
  const writerWaitMs = performance.now() - started;

  const described = await kind.describe(exported, options.selection);
  options.signal?.throwIfAborted();
  const changed = nodes.find(
    (node, index) => !sameRelations(relations.get(node) ?? [], described[index]?.lockable ?? []),
  );
  if (changed !== undefined) return abandon(nodes, { node: changed, failure: { kind: 'changed' } });
  return { snapshots: described.map(({ snapshot }) => snapshot), takenAt, writerWaitMs };
}

function attemptLimitMs(
  nodes: readonly BarrierNode[],
  lockTimeoutMs: number,
  relations: readonly (readonly Lockable[])[],
): number {
  const deadlockTimeoutMs = Math.min(...nodes.map((node) => node.deadlockTimeoutMs));
  const longestList = Math.max(0, ...relations.map((list) => list.length));
  return (
    Math.max(lockTimeoutMs, deadlockTimeoutMs * DEADLOCK_TIMEOUT_SHARE) +
    longestList * MS_PER_RELATION
  );
}

/** Nobody, and no DDL either, queues behind us while we sleep. */
async function abandon(
  nodes: readonly BarrierNode[],
  failure: AttemptFailure,
): Promise<AttemptFailure> {
  await Promise.all(nodes.flatMap(({ locker, holder }) => [rollBack(locker), rollBack(holder)]));
  return failure;
}

async function exportSnapshot(node: BarrierNode, { exports }: BarrierKind) {
  if (!exports(node)) {
    // Its catalogs are read after the barrier, but as of it.
    await node.holder.query('SELECT 1');
    return { node };
  }
  const [row] = await node.holder.query<{ id: string }>('SELECT pg_export_snapshot() AS id');
  return { node, snapshotId: row?.id ?? '' };
}

/** Identity, not name: a table dropped and made again in between is another one, and not locked. */
function sameRelations(locked: readonly Lockable[], seen: readonly Lockable[]): boolean {
  const identity = ({ oid, schema, name }: Lockable) => JSON.stringify([oid, schema, name]);
  const known = new Set(locked.map(identity));
  return known.size === seen.length && seen.every((relation) => known.has(identity(relation)));
}

/**
 * A wait under deadlock_timeout never makes the server look for deadlocks, so nobody is ever killed for us. An
 * autovacuum worker is the exception: the server ends it in favour of whoever waits, but only when it looks, and it
 * restarts by itself later. So when nothing else was in the way the next attempt waits long enough.
 */
function lockTimeoutOf(
  last: AttemptFailure | undefined,
  attempt: number,
  longestMs: number,
): number {
  const patientMs = Math.min(longestMs, LOCK_TIMEOUT_MS_FIRST * 2 ** (attempt - 1));
  if (last?.failure.kind !== 'blocked') return patientMs;
  const blockers = last.failure.wait?.blockers ?? [];
  const onlyAutovacuum = blockers.length > 0 && blockers.every(({ isAutovacuum }) => isAutovacuum);
  return onlyAutovacuum
    ? Math.max(patientMs, last.node.deadlockTimeoutMs + AUTOVACUUM_MARGIN_MS)
    : patientMs;
}

async function pause(
  failures: number,
  signal: AbortSignal | undefined,
  { random }: BarrierEffects,
): Promise<void> {
  const longest = Math.min(PAUSE_MS_MAX, PAUSE_MS_FIRST * 2 ** (failures - 1));
  // Without jitter, attempts could meet a periodic writer at the same moment every time.
  await sleep(jittered(longest, random()), undefined, { signal });
}

function held(
  nodes: readonly BarrierNode[],
  success: AttemptSuccess,
  attempts: number,
): HeldSnapshot {
  const lost = Promise.race(
    nodes.map(({ holder, segment }) =>
      holder.lost.catch((error: unknown) => snapshotLost(segment, error)),
    ),
  );
  // Whoever holds the snapshot races this with his work; before he does, it must not end the process.
  lost.catch(() => {});
  const { snapshots, takenAt, writerWaitMs } = success;
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
  const message = `the snapshot of content ${content} is gone: ${messageOf(cause)}`;
  throw new StowageError('database/unreachable', message, { cause, where: { content } });
}

async function openAll(
  members: readonly BarrierMember[],
  options: SnapshotOptions,
): Promise<BarrierNode[]> {
  const label = options.label ?? 'stowage backup';
  const outcomes = await Promise.allSettled(
    members.map((member) => openBarrierNode(member, label, options.signal)),
  );
  const nodes = outcomes.flatMap((outcome) =>
    outcome.status === 'fulfilled' ? [outcome.value] : [],
  );
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed === undefined) return nodes;
  await closeAll(nodes);
  throw failed.reason;
}

async function closeAll(nodes: readonly BarrierNode[]): Promise<void> {
  await Promise.all(
    nodes.flatMap(({ holder, locker, monitor }) => [
      holder.close(),
      locker.close(),
      monitor.close(),
    ]),
  );
}
