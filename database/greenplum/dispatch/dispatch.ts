import { interruptedError, onAbort } from '../../../async/abort.ts';
import { messageOf, StowageError } from '../../../backup-set/base/errors.ts';
import { LOCK_WAIT_MS_MAX } from '../../../backup-set/documents/agents.ts';
import { COORDINATOR } from '../../../backup-set/restore/phases.ts';
import { describeServer } from '../../barrier/kind.ts';
import { readDumpGaps } from '../../catalog/dump-gaps.ts';
import type { Discovery, LockedRelation } from '../../catalog/relations.ts';
import { readSizesOf, type SizesOptions } from '../../catalog/sizes.ts';
import { copyToPrograms } from '../../copy/on-segment.ts';
import type {
  ConnectionTarget,
  HeldSnapshot,
  NodeSnapshot,
  SnapshotOptions,
} from '../../flavour.ts';
import { BACKUP_ADVICE, SERVER_LATER_MS } from '../../lock-watch/terms.ts';
import { watchLocks } from '../../lock-watch/watch.ts';
import { openSession, type Session } from '../../session/session.ts';
import { attachSnapshot } from '../../session/snapshot.ts';
import { type Canary, createCanary, isIsolated } from '../canary.ts';
import type { GreenplumTopology } from '../topology.ts';
import { addImporters } from './imports.ts';
import { holdRelations } from './locks.ts';
import { isSentByCoordinator, sizesOnSegments, workOf } from './work.ts';

/**
 * The snapshot for clusters whose writers never pause long enough for a barrier: one transaction on
 * the coordinator, whose distributed snapshot holds on every segment. Only DDL waits for it, as for
 * any reader. Rows are read by statements of this transaction, and of sessions that imported its
 * snapshot and passed the canary's test. Small tables are read by the coordinator's shipper, which
 * imports it too.
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
    const late = canary;
    const canImport = await addImporters(sessions, {
      open: (at) => attachSnapshot(target, snapshotId, session(`dispatch ${at}`)),
      isIsolated: (importer) => isIsolated(importer, late),
      connections: options.connections ?? 1,
    });
    if (!(await isIsolated(holder, canary)))
      throw new StowageError(
        'database/failed',
        "the coordinator's own snapshot shows rows that were committed after it",
      );
    const imports = canImport
      ? { snapshotId, smallTableBytes: options.smallTableBytes ?? 0 }
      : undefined;
    const nodes = await describe(holder, topology, discovery, { ...options, imports });
    // The shipper that imports the snapshot watches for its own relations.
    const toRead = new Map(
      nodes
        .filter((node) => node.snapshotId === undefined)
        .flatMap(({ relations }) => relations.map((relation) => [nameOf(relation), relation])),
    );
    const over = new AbortController();
    const watch = {
      own: { pids: sessions.map(({ pid }) => pid) },
      limitMs,
      toRead: () => [...toRead.values()],
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

interface DescribeOptions extends SizesOptions {
  readonly imports: { readonly snapshotId: string; readonly smallTableBytes: number } | undefined;
}

async function describe(
  holder: Session,
  { segments, version }: GreenplumTopology,
  discovery: Discovery,
  options: DescribeOptions,
): Promise<NodeSnapshot[]> {
  const { imports } = options;
  const server = { ...(await describeServer(holder)), serverVersion: version.text };
  const gaps = await readDumpGaps(holder);
  const oids = discovery.relations.map(({ oid }) => oid);
  const work = workOf(discovery, {
    segments: segments.length - 1,
    bytes: await readSizesOf(holder, oids, options, sizesOnSegments),
    smallTableBytes: imports?.smallTableBytes ?? 0,
  });
  const coordinator = {
    ...work.coordinator,
    gaps,
    ...(imports && { snapshotId: imports.snapshotId }),
  };
  return segments.map((segment) => ({
    segment,
    ...server,
    ...(segment.content === COORDINATOR ? coordinator : work.segment),
  }));
}

type Readable = Pick<LockedRelation, 'schema' | 'name'>;

const nameOf = ({ schema, name }: Readable) => JSON.stringify([schema, name]);

function dispatcher(
  sessions: readonly Session[],
  toRead: Map<string, Readable>,
): NonNullable<HeldSnapshot['dispatch']> {
  return {
    connections: sessions.length,
    copyOut: (connection, relation, program, options) => {
      toRead.delete(nameOf(relation));
      const session = sessions[connection];
      if (session === undefined) throw new Error(`there is no connection ${connection}`);
      return copyToPrograms(session, relation, program, {
        ...options,
        everywhere: !isSentByCoordinator(relation),
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
