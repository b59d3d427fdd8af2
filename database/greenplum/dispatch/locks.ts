import { pause } from '../../../async/poll.ts';
import { plural } from '../../../backup-set/base/words.ts';
import { COORDINATOR } from '../../../backup-set/restore/phases.ts';
import { lockRelations, readLockWait } from '../../barrier/locks.ts';
import { HOLDER_LOCK_MS_MAX, rollBack, watched } from '../../barrier/node.ts';
import { barrierTimedOut, blockedOf } from '../../barrier/step.ts';
import { requireLockRoom } from '../../barrier/to-lock.ts';
import { type Discovery, discoverRelations } from '../../catalog/relations.ts';
import type { ConnectionTarget, SnapshotOptions, Wanted } from '../../flavour.ts';
import { type LazySession, lazySession } from '../../session/lazy.ts';
import type { Session } from '../../session/session.ts';
import { greenplumCatalog } from '../catalog.ts';
import { ordinaryLockWait } from '../through/lock-wait.ts';
import type { GreenplumTopology } from '../topology.ts';
import { traitsOf } from '../versions.ts';

/** After a failed attempt, the sessions that waited behind it go on. */
const PAUSE_MS = 500;

export interface Held {
  readonly discovery: Discovery;
  readonly takenAt: Date;
  readonly attempts: number;
}

/**
 * Locks the relations, takes the snapshot, and checks that the list is still the same: after that
 * nothing can change. A failed attempt leaves no lock.
 * @throws StowageError `database/locked` naming the relation and the sessions in the way.
 */
export async function holdRelations(
  holder: Session,
  topology: GreenplumTopology,
  options: SnapshotOptions,
  now: () => Date,
): Promise<Held> {
  const label = options.label ?? 'stowage backup';
  const { signal } = options;
  const { ordinaryOnly } = holder.target;
  // An ordinary session would ask every segment for its locks.
  const utility = ordinaryOnly === true ? {} : { options: topology.utility };
  const target: ConnectionTarget = { ...holder.target, ...utility };
  const applicationName = `${label} monitor`;
  const monitor = lazySession(target, { purpose: 'probe', applicationName, signal });
  await monitor.get();
  try {
    return await attempts(holder, monitor, topology, options, now);
  } finally {
    await monitor.close();
  }
}

async function attempts(
  holder: Session,
  monitor: LazySession,
  { version, segments }: GreenplumTopology,
  options: SnapshotOptions,
  now: () => Date,
): Promise<Held> {
  const read = () => discover(holder, options.selection, version);
  const { lockWait = readLockWait } =
    holder.target.ordinaryOnly === true
      ? { lockWait: ordinaryLockWait(version) }
      : traitsOf(version);
  const [segment = { content: COORDINATOR, host: '', port: 0 }] = segments;
  const cancelled = options.signal ?? new AbortController().signal;
  for (let attempt = 1; ; attempt++) {
    options.signal?.throwIfAborted();
    options.onStep?.('reading which tables there are');
    const wanted = await read();
    await requireLockRoom({ holder, segment }, wanted.roots.length + wanted.relations.length);
    const names = [...wanted.roots, ...wanted.relations];
    options.onStep?.(`locking ${plural(names.length, 'table')}`);
    const failure = await watched({ monitor, lockWait }, holder, async () => {
      await holder.query(
        `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = ${Math.ceil(options.lockTimeoutMs)}`,
      );
      await lockRelations(holder, names, 'ACCESS SHARE', cancelled);
      await holder.query(`SET LOCAL lock_timeout = ${HOLDER_LOCK_MS_MAX}`);
    });
    if (failure === undefined) {
      options.onStep?.('reading which tables there are, in the snapshot');
      const seen = await read();
      if (identityOf(seen) === identityOf(wanted))
        return { discovery: seen, takenAt: now(), attempts: attempt };
    }
    await rollBack(holder);
    const last = { node: { segment }, failure: failure ?? { kind: 'changed' as const } };
    if (last.failure.kind === 'blocked') options.onBlocked?.(blockedOf(last, attempt));
    if (attempt >= options.attemptsMax) throw barrierTimedOut(last, attempt);
    await pause(PAUSE_MS, options.signal);
  }
}

async function discover(
  session: Session,
  selection: Wanted,
  version: GreenplumTopology['version'],
): Promise<Discovery> {
  return discoverRelations(session, selection, {
    catalog: (from) => greenplumCatalog(from, version),
  });
}

const identityOf = ({ relations, roots }: Discovery) =>
  JSON.stringify([...relations, ...roots].map(({ oid, schema, name }) => [oid, schema, name]));
