import { StowageError } from '../../backup-set/base/errors.ts';
import type { ConnectionTarget, Segment } from '../flavour.ts';
import { withMaintenanceSession } from '../session/maintenance.ts';
import type { Session } from '../session/session.ts';
import { type GreenplumMajor, majorOf, traitsOf } from './versions.ts';

/** Which Greenplum a server is. `server_version_num` tells only which PostgreSQL it was made from. */
export interface GreenplumVersion {
  /** e.g. `6.24.3` */
  readonly text: string;
  /** The known version whose traits it has: newer releases, and Apache Cloudberry, count as 7. */
  readonly major: GreenplumMajor;
}

export interface GreenplumTopology {
  readonly version: GreenplumVersion;
  /** libpq's `options` for a session that a segment, or the coordinator alone, answers. */
  readonly utility: string;
  /** The coordinator, and of every content the instance that is its primary now. */
  readonly segments: readonly Segment[];
}

/** What gp_segment_configuration says of one primary. */
export interface PrimaryRow {
  readonly content: number;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  /** u or d */
  readonly status: string;
}

/**
 * Asks the coordinator where the primaries are now; after a failover it names others.
 * @throws StowageError `database/failed` when this is no Greenplum; `database/unreachable` naming the content that has no primary.
 */
export function readTopology(
  coordinator: Segment,
  target: ConnectionTarget,
  signal?: AbortSignal | undefined,
): Promise<GreenplumTopology> {
  return withMaintenanceSession(target, signal, async (session) => {
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
  });
}

/** @throws StowageError `database/failed` when the server is no Greenplum. */
export async function readVersion(session: Session): Promise<GreenplumVersion> {
  const [row] = await session.query<{ version: string }>('SELECT version() AS version');
  const version = parseVersion(row?.version ?? '');
  if (version !== undefined) return version;
  throw new StowageError(
    'database/failed',
    `${session.target.host}:${session.target.port} is no Greenplum: ${row?.version ?? ''}`,
    { where: { field: 'flavour' } },
  );
}

/** From what `version()` says; undefined = neither Greenplum nor Apache Cloudberry. */
export function parseVersion(text: string): GreenplumVersion | undefined {
  const greenplum = /\(Greenplum Database (\d+)([\w.+-]*)/.exec(text);
  if (greenplum !== null) {
    const [, major = '', rest = ''] = greenplum;
    return { text: `${major}${rest}`, major: majorOf(Number(major)) };
  }
  const cloudberry = /\((?:Apache )?Cloudberry(?: Database)? ([\w.+-]+)/.exec(text);
  return cloudberry === null ? undefined : { text: cloudberry[1] ?? '', major: 7 };
}

/** Every content from 0 to the last must have a primary that is up: a backup without one would lack its rows. */
export function segmentsOf(rows: readonly PrimaryRow[], options: string): Segment[] {
  const up = new Map(rows.filter(({ status }) => status === 'u').map((row) => [row.content, row]));
  const count = Math.max(-1, ...rows.map(({ content }) => content)) + 1;
  const segments: Segment[] = [];
  for (let content = 0; content < count; content++) {
    const primary = up.get(content);
    if (primary === undefined) {
      const message = `content ${content} has no primary that is up (gp_segment_configuration); bring it back with gprecoverseg first`;
      throw new StowageError('database/unreachable', message, { where: { content } });
    }
    const { host, port, dataDir } = primary;
    segments.push({ content, host, port, dataDir, options });
  }
  if (segments.length > 0) return segments;
  throw new StowageError(
    'database/unreachable',
    'the coordinator knows of no segment (gp_segment_configuration)',
  );
}
