import { interruptedError, onAbort } from '../../async/abort.ts';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import type { Selection } from '../../backup-set/base/selection.ts';
import { plural } from '../../backup-set/base/words.ts';
import { describeServer } from '../barrier/kind.ts';
import { lockRelations } from '../barrier/locks.ts';
import { readDumpGaps } from '../catalog/dump-gaps.ts';
import { type Discovery, discoverRelations, type LockedRelation } from '../catalog/relations.ts';
import { copyToPrograms } from '../copy/on-segment.ts';
import type { ConnectionTarget, HeldSnapshot, NodeSnapshot, SnapshotOptions } from '../flavour.ts';
import { sqlStateOf } from '../session/database-error.ts';
import { openSession, type Session } from '../session/session.ts';
import { attachSnapshot } from '../session/snapshot.ts';
import { type Canary, createCanary, isIsolated } from './canary.ts';
import { greenplumCatalog } from './catalog.ts';
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
  const open = (role: string) =>
    openSession(target, {
      purpose: 'holder',
      applicationName: `${label} ${role}`,
      signal: options.signal,
    });
  const holder = await open('holder');
  const sessions = [holder];
  let canary: Canary | undefined;
  // Ends statements that wait. The canary's session stays open, to drop its table.
  using _ = onAbort(options.signal, () => void closeAll(sessions));
  try {
    canary = await createCanary(target, label, options.signal);
    const { discovery, takenAt, attempts } = await hold(holder, topology, options, now);
    const snapshotId = await exportFrom(holder);
    await canary.insertLateRows();
    for (let at = 1; at < (options.connections ?? 1); at++) {
      const session = await importer(target, snapshotId, `${label} dispatch ${at}`, options.signal);
      if (!(await isIsolated(session, canary))) {
        // On a Greenplum 7 pre-release an importer sees newer rows on the segments: use one
        // session.
        await session.close();
        break;
      }
      sessions.push(session);
    }
    if (!(await isIsolated(holder, canary)))
      throw new StowageError(
        'database/failed',
        "the coordinator's own snapshot shows rows that were committed after it",
      );
    const nodes = await describe(holder, topology, discovery);
    return {
      nodes,
      takenAt,
      writerWaitMs: 0,
      attempts,
      lost: lossOf(sessions),
      dispatch: dispatcher(sessions),
      release: () => closeAll(sessions),
    };
  } catch (error) {
    await closeAll(sessions);
    if (options.signal?.aborted === true) throw interruptedError(options.signal);
    throw error;
  } finally {
    await canary?.drop();
  }
}

/**
 * Locks the relations, takes the snapshot, and checks that the list is still the same: after that
 * nothing can change.
 */
async function hold(
  holder: Session,
  { version }: GreenplumTopology,
  options: SnapshotOptions,
  now: () => Date,
) {
  const read = () => discover(holder, options.selection, version);
  for (let attempts = 1; ; attempts++) {
    options.signal?.throwIfAborted();
    const wanted = await read();
    try {
      await holder.query(
        `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = ${Math.ceil(options.lockTimeoutMs)}`,
      );
      const names = [...wanted.roots, ...wanted.relations];
      await lockRelations(
        holder,
        names,
        'ACCESS SHARE',
        options.signal ?? new AbortController().signal,
      );
      await holder.query('SET LOCAL lock_timeout = 0');
      const seen = await read();
      if (identityOf(seen) === identityOf(wanted))
        return { discovery: seen, takenAt: now(), attempts };
      throw new StowageError(
        'database/locked',
        `tables of database ${holder.target.database} were created, dropped or renamed in each of ${plural(attempts, 'attempt')} to lock them`,
      );
    } catch (error) {
      await holder.query('ROLLBACK').catch(() => undefined);
      const again = isChange(error) && attempts < options.attemptsMax;
      if (!again) throw error;
    }
  }
}

/** The lock timed out, or a relation of the list was dropped. */
function isChange(error: unknown): boolean {
  const state = sqlStateOf(error) ?? '';
  return (
    ['55P03', '42P01', '3F000'].includes(state) ||
    (error instanceof StowageError && error.code === 'database/locked')
  );
}

async function discover(
  session: Session,
  selection: Selection,
  version: GreenplumTopology['version'],
): Promise<Discovery> {
  return discoverRelations(session, selection, {
    withSizes: false,
    catalog: (from) => greenplumCatalog(from, version),
  });
}

const identityOf = ({ relations, roots }: Discovery) =>
  JSON.stringify([...relations, ...roots].map(({ oid, schema, name }) => [oid, schema, name]));

async function exportFrom(holder: Session): Promise<string> {
  const [row] = await holder.query<{ id: string }>('SELECT pg_export_snapshot() AS id');
  return row?.id ?? '';
}

function importer(
  target: ConnectionTarget,
  snapshotId: string,
  applicationName: string,
  signal: AbortSignal | undefined,
) {
  return attachSnapshot(target, snapshotId, { purpose: 'holder', applicationName, signal });
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

function dispatcher(sessions: readonly Session[]): NonNullable<HeldSnapshot['dispatch']> {
  return {
    connections: sessions.length,
    copyOut: (connection, relation, program, options) => {
      const session = sessions[connection];
      if (session === undefined) throw new Error(`there is no connection ${connection}`);
      return copyToPrograms(session, relation, program, {
        ...options,
        everywhere: !leavesThroughCoordinator(relation),
      });
    },
  };
}

function lossOf(sessions: readonly Session[]): Promise<never> {
  const lost = Promise.race(sessions.map((session) => session.lost)).catch((cause: unknown) => {
    const message = `lost the coordinator's snapshot: ${messageOf(cause)}`;
    throw new StowageError('database/unreachable', message, { cause, where: { content: -1 } });
  }) as Promise<never>;
  // The caller listens later: a rejection before that must not end the process.
  lost.catch(() => undefined);
  return lost;
}

async function closeAll(sessions: readonly Session[]): Promise<void> {
  await Promise.all(sessions.map((session) => session.destroy()));
}
