import { mapInFlight } from '../../../async/each-in-flight.ts';
import type { ConnectionTarget, InspectOptions, Segment } from '../../flavour.ts';
import { attempt, type PlacedCheck, placed, type ServerCheck } from '../../inspect/check.ts';
import { checkShipperEntry, refusalOf } from '../../inspect/entry.ts';
import { openSession, type Session } from '../../session/session.ts';
import type { GreenplumVersion } from '../topology.ts';
import { traitsOf } from '../versions.ts';
import { greenplumWitnesses } from '../witnesses.ts';
import { checkCatalogStatistics } from './catalog-statistics.ts';
import { checkDeadlockDetector, checkDispatch, openCoordinator } from './coordinator.ts';
import { checkExpansion } from './expansion.ts';
import { inspectInstance } from './instance.ts';
import { judgeProduct, readProduct } from './product.ts';
import { inspectPrograms } from './programs.ts';
import { checkServerPrograms } from './rights.ts';
import { adviseThrough } from './through/advice.ts';
import { inspectThrough } from './through/inspect.ts';
import { type InstanceRow, judgeTopology, primariesUp, readInstances } from './topology.ts';

type GreenplumInspection = InspectOptions & { readonly coordinator: Segment };

const SEGMENTS_AT_ONCE = 16;
/**
 * On the coordinator: holder, locker and monitor; pg_dump, and the session that reads the
 * sequences.
 */
const CONNECTIONS_OF_COORDINATOR = 5;
/**
 * On a segment, besides the workers: the holder, and the monitor or later the watch of locks; for
 * ordinary sessions of the coordinator the locker or later pg_dump, and one that is ending. By
 * dispatch, 6.24.3 opens as many while the canary is tried: three processes of the holder's
 * session, which is one of the workers', and two of the canary's.
 */
const CONNECTIONS_OF_SEGMENT = 4;

/**
 * Checks whether a backup of this database can work. Changes and locks nothing. The coordinator is
 * queried in utility mode, in which it answers even while a segment is down.
 * @throws never: what cannot be checked is a check that failed.
 */
export async function inspectGreenplum(
  coordinator: Segment,
  options: InspectOptions,
): Promise<PlacedCheck[]> {
  const { connect, signal } = options;
  const cluster = { ...options, coordinator };
  try {
    const { session, database } = await openCoordinator(connect(coordinator), signal);
    try {
      const checks = await inspectCluster(cluster, session, database);
      return [...checks, ...placed('cluster', adviseThrough(checks))];
    } finally {
      await session.close();
    }
  } catch (error) {
    const detail = await refusalOf(error, connect(coordinator));
    const refused = { of: 'content -1', name: 'utility session', ok: false, detail };
    const isReachable = (await inspectThrough(coordinator, options)).every(({ ok }) => ok);
    return [refused, ...placed('cluster', isReachable ? adviseThrough([refused]) : [])];
  }
}

/** What is known once the coordinator has answered. */
interface Known extends GreenplumInspection {
  readonly version: GreenplumVersion;
  /** False when the database does not exist: the other checks then run in another one. */
  readonly isDatabase: boolean;
}

async function inspectCluster(
  cluster: GreenplumInspection,
  session: Session,
  database: ServerCheck,
): Promise<PlacedCheck[]> {
  const product = await readProduct(session);
  const { check, version } = judgeProduct(product);
  if (version === undefined) return placed('cluster', [check]);
  const instances = await readInstances(session);
  const primaries = primariesUp(instances);
  const connect = (segment: Segment) => ({
    ...cluster.connect(segment),
    database: session.target.database,
  });
  const known: Known = { ...cluster, connect, version, isDatabase: database.ok };
  const whole = [
    check,
    database,
    ...judgeTopology(instances),
    await checkDispatch(connect(cluster.coordinator), primaries.length, cluster.signal),
    await attempt('global deadlock detector', () => checkDeadlockDetector(session)),
    await attempt('expansion', () => checkExpansion(session)),
    ...(await checkCatalogStatistics(session)),
  ];
  const segments = await mapInFlight(primaries, SEGMENTS_AT_ONCE, (primary) =>
    inspectSegment(known, primary),
  );
  return [
    ...placed('cluster', whole),
    ...placed('programs', await programsOf(cluster, product.release)),
    ...placed('content -1', await inspectCoordinator(known, session)),
    ...segments.flat(),
  ];
}

/** pg_dump runs on the coordinator's host; from another machine its version is unknown. */
async function programsOf(
  { coordinator, connect, shipsFromHere, signal }: GreenplumInspection,
  serverRelease: string,
): Promise<ServerCheck[]> {
  const target = connect(coordinator);
  if (shipsFromHere(coordinator)) return inspectPrograms(target, serverRelease, { signal });
  const place = target.binDir ?? 'the folder connection.binDir, which is not set,';
  const detail = `they run on ${coordinator.host} and cannot be checked from here; make sure that \`pg_dump --help\` in ${place} there lists --gp-syntax`;
  return [{ name: 'dump and restore programs', ok: true, remark: true, detail }];
}

async function inspectCoordinator(known: Known, session: Session): Promise<ServerCheck[]> {
  const { coordinator, shipsFromHere, version } = known;
  return [
    accepted(session.target),
    await attempt('shipper', () => checkShipperEntry(session, shipsFromHere(coordinator))),
    await attempt('server programs', () => checkServerPrograms(session, version)),
    ...(await inspectInstance(session, { ...known, connections: CONNECTIONS_OF_COORDINATOR })),
  ];
}

async function inspectSegment(
  known: Known,
  { content, host, port }: InstanceRow,
): Promise<PlacedCheck[]> {
  const { connect, shipsFromHere, version, workers, signal } = known;
  const segment: Segment = { content, host, port, options: traitsOf(version).utilityOptions };
  const target = connect(segment);
  const of = `content ${content}`;
  const connections = CONNECTIONS_OF_SEGMENT + workers;
  try {
    const session = await openSession(target, {
      purpose: 'probe',
      applicationName: 'stowage doctor',
      signal,
    });
    try {
      return placed(of, [
        accepted(target),
        await attempt('shipper', () => checkShipperEntry(session, shipsFromHere(segment))),
        ...(await inspectInstance(session, { ...known, connections })),
        ...(await mapInFlight(greenplumWitnesses.providers, 1, ({ kind, inspect }) =>
          attempt(kind, () => inspect(session)),
        )),
      ]);
    } finally {
      await session.close();
    }
  } catch (error) {
    return placed(of, [
      { name: 'utility session', ok: false, detail: await refusalOf(error, target) },
    ]);
  }
}

function accepted({ host, port, user }: ConnectionTarget): ServerCheck {
  return { name: 'utility session', ok: true, detail: `${host}:${port} accepts ${user} from here` };
}
