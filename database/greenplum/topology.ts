import { StowageError } from '../../backup-set/base/errors.ts';
import type { ConnectionTarget, Segment, Server, ServersOptions } from '../flavour.ts';
import { withMaintenanceSession } from '../session/maintenance.ts';
import type { Session } from '../session/session.ts';
import type { GreenplumMajor } from './majors.ts';
import { majorOf, traitsOf } from './versions.ts';

/**
 * A release of Greenplum. (`server_version_num` is the version of the PostgreSQL it is based on.)
 */
export interface GreenplumVersion {
  /** e.g. `6.24.3` */
  readonly text: string;
  /** The known version whose traits it has: newer releases, and Apache Cloudberry, count as 7. */
  readonly major: GreenplumMajor;
}

export interface GreenplumTopology {
  readonly version: GreenplumVersion;
  /**
   * libpq's `options` for a session with one instance: a segment, or the coordinator without the
   * segments.
   */
  readonly utility: string;
  /** The coordinator and the current primary of every content. */
  readonly segments: readonly Segment[];
}

/** A row of gp_segment_configuration: one primary. */
export interface PrimaryRow {
  readonly content: number;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  /** u or d */
  readonly status: string;
}

/**
 * Reads from the coordinator where the primaries are now: a failover moves them. The session opens
 * when every segment has answered the coordinator, or a mirror has taken its place.
 * @throws StowageError `database/failed` when the server is not Greenplum; `database/unreachable`
 * naming a content without a primary.
 */
export function readTopology(
  coordinator: Segment,
  target: ConnectionTarget,
  { signal, onWaiting }: Pick<ServersOptions, 'signal' | 'onWaiting'> = {},
): Promise<GreenplumTopology> {
  const ask = (session: Session) => topologyIn(session, coordinator);
  return withMaintenanceSession(target, signal, ask, onWaiting);
}

/** @throws as `readTopology`. */
export async function topologyIn(
  session: Session,
  coordinator: Segment,
): Promise<GreenplumTopology> {
  const version = await readVersion(session);
  const rows = await session.query<PrimaryRow>(
    `SELECT content::int AS content, address AS host, port::int AS port, datadir AS "dataDir", status::text AS status
     FROM pg_catalog.gp_segment_configuration WHERE role = 'p'`,
  );
  const utility = traitsOf(version).utilityOptions;
  const own = rows.find(({ content }) => content === coordinator.content);
  const others = rows.filter(({ content }) => content >= 0);
  const first = {
    ...coordinator,
    greenplum: version.major,
    ...(own && { dataDir: own.dataDir }),
  };
  return { version, utility, segments: [first, ...segmentsOf(others, utility)] };
}

/** The topology that `Flavour.servers` has told; undefined when it was not asked. */
export function topologyOf(servers: readonly Server[] = []): GreenplumTopology | undefined {
  const [first] = servers;
  const { release: text, segment } = first ?? {};
  if (text === undefined || segment?.greenplum === undefined) return undefined;
  const version = { text, major: segment.greenplum };
  const segments = servers.map((server) => server.segment);
  return { version, utility: traitsOf(version).utilityOptions, segments };
}

/**
 * Checks that the instances of a barrier are the primaries that its SHARE locks were taken on: one
 * that was replaced before can still answer, and lacks what was written since.
 * @param holder the coordinator's; its snapshot was taken under the SHARE locks.
 * @throws StowageError `database/segment-down` naming the content.
 */
export async function requirePrimaries(
  holder: Session,
  instances: readonly Segment[],
): Promise<void> {
  const rows = await holder.query<Pick<PrimaryRow, 'content' | 'host' | 'port'>>(
    `SELECT content::int AS content, address AS host, port::int AS port
     FROM pg_catalog.gp_segment_configuration WHERE role = 'p' AND content >= 0`,
  );
  const known = new Map(instances.map((segment) => [segment.content, segment]));
  const moved = rows.find(({ content, host, port }) => {
    const segment = known.get(content);
    return segment?.host !== host || segment.port !== port;
  });
  if (moved === undefined) return;
  const { content, host, port } = moved;
  const message = `content ${content} has become ${host}:${port} while the snapshot was prepared`;
  throw new StowageError('database/segment-down', message, { where: { content } });
}

/** @throws StowageError `database/failed` when the server is not Greenplum. */
export async function readVersion(session: Session): Promise<GreenplumVersion> {
  const [row] = await session.query<{ version: string }>('SELECT version() AS version');
  const version = parseVersion(row?.version ?? '');
  if (version !== undefined) return version;
  throw new StowageError(
    'database/failed',
    `${session.target.host}:${session.target.port} is not Greenplum: ${row?.version ?? ''}; for PostgreSQL set flavour: shards`,
    { where: { field: 'flavour' } },
  );
}

/** The release in the text of `version()`; undefined = neither Greenplum nor Apache Cloudberry. */
export function parseVersion(text: string): GreenplumVersion | undefined {
  const greenplum = /\(Greenplum Database (\d+)([\w.+-]*)/.exec(text);
  if (greenplum !== null) {
    const [, major = '', rest = ''] = greenplum;
    return { text: `${major}${rest}`, major: majorOf(Number(major)) };
  }
  const cloudberry = /\((?:Apache )?Cloudberry(?: Database)? ([\w.+-]+)/.exec(text);
  return cloudberry === null ? undefined : { text: cloudberry[1] ?? '', major: 7 };
}

/**
 * Every content from 0 to the last must have a primary that is up, or the backup would lack its
 * rows.
 */
export function segmentsOf(rows: readonly PrimaryRow[], options: string): Segment[] {
  const up = new Map(rows.filter(({ status }) => status === 'u').map((row) => [row.content, row]));
  const count = Math.max(-1, ...rows.map(({ content }) => content)) + 1;
  const segments: Segment[] = [];
  for (let content = 0; content < count; content++) {
    const primary = up.get(content);
    if (primary === undefined) {
      const message = `content ${content} has no primary that is up (gp_segment_configuration); run gprecoverseg first`;
      throw new StowageError('database/unreachable', message, { where: { content } });
    }
    const { host, port, dataDir } = primary;
    segments.push({ content, host, port, dataDir, options });
  }
  if (segments.length > 0) return segments;
  throw new StowageError(
    'database/unreachable',
    'the coordinator has no segments (gp_segment_configuration)',
  );
}
