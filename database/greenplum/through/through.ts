import { interruptedError, onAbort } from '../../../async/abort.ts';
import { messageOf, StowageError } from '../../../backup-set/base/errors.ts';
import { LOCK_WAIT_MS_MAX } from '../../../backup-set/documents/agents.ts';
import { COORDINATOR } from '../../../backup-set/restore/phases.ts';
import { describeServer } from '../../barrier/kind.ts';
import { readDumpGaps } from '../../catalog/dump-gaps.ts';
import type { Discovery } from '../../catalog/relations.ts';
import { readSizesOf, type SizesOptions } from '../../catalog/sizes.ts';
import type {
  ConnectionTarget,
  HeldSnapshot,
  NodeSnapshot,
  SnapshotOptions,
} from '../../flavour.ts';
import { SERVER_LATER_MS } from '../../lock-watch/terms.ts';
import { openSession, type Session } from '../../session/session.ts';
import { attachSnapshot } from '../../session/snapshot.ts';
import { holdRelations } from '../dispatch/locks.ts';
import { sizesOnSegments } from '../dispatch/work.ts';
import type { GreenplumTopology } from '../topology.ts';
import { type CatalogCanary, createCatalogCanary } from './canary.ts';
import { mayReadRoles } from './globals.ts';

/**
 * The snapshot for a Greenplum whose segments cannot be reached: one transaction of the
 * coordinator, whose sessions read all rows. ACCESS SHARE is locked before the snapshot is taken,
 * and held to the end. No session is a utility session, and the role needs to read, no more.
 * @throws StowageError `database/locked` naming the relation and the sessions in the way.
 */
export async function takeCoordinatorSnapshot(
  target: ConnectionTarget,
  topology: GreenplumTopology,
  options: SnapshotOptions,
  now: () => Date = () => new Date(),
): Promise<HeldSnapshot> {
  const { signal, label = 'stowage backup' } = options;
  const limitMs = Math.min(LOCK_WAIT_MS_MAX, options.lockTimeoutMs * options.attemptsMax);
  const session = (role: string) =>
    ({
      purpose: 'holder',
      applicationName: `${label} ${role}`,
      lockTimeoutMs: limitMs + SERVER_LATER_MS,
      signal,
    }) as const;
  const holder = await openSession(target, session('holder'));
  let canary: CatalogCanary | undefined;
  // Ends a statement that waits.
  using _ = onAbort(signal, () => void holder.destroy());
  try {
    const segments = topology.segments.length - 1;
    canary = await createCatalogCanary(target, { label, segments, ...(signal && { signal }) });
    const { discovery, takenAt, attempts } = await holdRelations(holder, topology, options, now);
    const snapshotId = await exportFrom(holder, topology);
    await canary.createLate();
    const importer = await attachSnapshot(target, snapshotId, session('importer'));
    const isSound = (await canary.isIsolated(importer)) && (await canary.isIsolated(holder));
    await importer.close();
    if (!isSound) throw notShared(topology, 'sessions that import it see newer rows');
    const node = await describe(holder, topology, discovery, options);
    return {
      nodes: [{ ...node, snapshotId }],
      segments,
      takenAt,
      writerWaitMs: 0,
      attempts,
      lost: lossOf(holder),
      release: () => holder.destroy(),
    };
  } catch (error) {
    await holder.destroy();
    if (signal?.aborted === true) throw interruptedError(signal);
    throw error;
  } finally {
    await canary?.drop();
  }
}

async function exportFrom(holder: Session, topology: GreenplumTopology): Promise<string> {
  const [row] = await holder
    .query<{ id: string }>('SELECT pg_catalog.pg_export_snapshot() AS id')
    .catch((error: unknown) => {
      throw notShared(topology, messageOf(error), error);
    });
  return row?.id ?? '';
}

/** Several sessions would read several moments, so that the set would be torn. */
function notShared({ version }: GreenplumTopology, why: string, cause?: unknown): StowageError {
  const message = `Greenplum ${version.text} cannot share the coordinator's snapshot between sessions: ${why}. A backup through the coordinator needs Greenplum 6.21 or later`;
  return new StowageError('database/failed', message, {
    ...(cause !== undefined && { cause }),
    where: { content: COORDINATOR },
  });
}

async function describe(
  holder: Session,
  { segments, version }: GreenplumTopology,
  { relations, notShipped, refresh }: Discovery,
  options: SizesOptions,
): Promise<NodeSnapshot> {
  const oids = relations.map(({ oid }) => oid);
  const sizes = await readSizesOf(holder, oids, options, sizesOnSegments);
  const gaps = await readDumpGaps(holder);
  const readsRoles = await mayReadRoles(holder);
  const globals = { kind: 'globals', name: 'roles, resource queues and resource groups' };
  const { host, port, greenplum } = holder.target;
  return {
    segment: {
      content: COORDINATOR,
      host,
      port,
      ...(greenplum && { greenplum }),
      ordinaryOnly: true,
    },
    ...(await describeServer(holder)),
    serverVersion: version.text,
    definitions: true,
    relations: relations.map(({ oid, ...relation }) => ({
      ...relation,
      // The sum counts every copy of a replicated table.
      bytesEstimated: Math.ceil(
        (sizes.get(oid) ?? 0) / (relation.replicated === true ? segments.length - 1 : 1),
      ),
    })),
    notShipped,
    refresh,
    largeObjects: 0,
    gaps: readsRoles ? gaps : { ...gaps, leftOut: [globals, ...gaps.leftOut] },
    ...(!readsRoles && { withoutGlobals: true as const }),
  };
}

function lossOf(holder: Session): Promise<never> {
  const lost = holder.lost.catch((cause: unknown) => {
    const message = `lost the coordinator's snapshot: ${messageOf(cause)}`;
    throw new StowageError('database/unreachable', message, {
      cause,
      where: { content: COORDINATOR },
    });
  });
  // The caller listens later: a rejection before that must not end the process.
  lost.catch(() => undefined);
  return lost;
}
