import { execFile } from 'node:child_process';
import { readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ConnectionTarget, Segment } from '../../../database/flavour.ts';
import { openSession, type Session } from '../../../database/session/session.ts';

/** A running cluster in which tests may create databases. */
export interface GreenplumCluster {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The major version of Greenplum: 6 or 7. */
  readonly major: number;
  /** The folder of its own psql and pg_dump. */
  readonly binDir: string;
  /** Its primaries in order of content id: content i is at index i. */
  readonly segments: readonly Segment[];
}

const LIST = process.env['STOWAGE_TEST_GREENPLUM'] ?? '';

/** True when STOWAGE_TEST_GREENPLUM names no cluster. */
export const withoutGreenplum = LIST === '';
if (withoutGreenplum)
  process.stderr.write('not run: everything on Greenplum (STOWAGE_TEST_GREENPLUM is not set)\n');

/** The clusters of STOWAGE_TEST_GREENPLUM (`host:port` of coordinators): a source, then targets. */
export async function clustersUnderTest(): Promise<
  [source: GreenplumCluster, ...targets: GreenplumCluster[]]
> {
  const [source, ...targets] = await Promise.all(LIST.split(',').map(discover));
  if (source === undefined) throw new Error('STOWAGE_TEST_GREENPLUM names no cluster');
  return [source, ...targets];
}

async function discover(address: string): Promise<GreenplumCluster> {
  const [, host = '', port = ''] = /^(.+):(\d+)$/.exec(address.trim()) ?? [];
  if (host === '') throw new Error(`STOWAGE_TEST_GREENPLUM: "${address}" is not host:port`);
  const at = { host, port: Number(port), user: process.env['PGUSER'] ?? 'gpadmin' };
  const session = await openSession(
    { ...at, database: 'postgres' },
    { purpose: 'probe', applicationName: 'stowage-test discovery' },
  );
  try {
    const [about] = await session.query<{ version: string }>('SELECT version()');
    const major = Number(/Greenplum Database (\d+)/.exec(about?.version ?? '')?.[1]);
    return {
      ...at,
      major,
      binDir: await binDirOf(session),
      segments: await segmentsOf(session, major),
    };
  } finally {
    await session.close();
  }
}

async function segmentsOf(session: Session, major: number): Promise<Segment[]> {
  const rows = await session.query<{ content: number; host: string; port: number }>(
    `SELECT content, address AS host, port FROM gp_segment_configuration
     WHERE role = 'p' AND content >= 0 ORDER BY content`,
  );
  const options = major >= 7 ? '-c gp_role=utility' : '-c gp_session_role=utility';
  return rows.map((row) => ({ ...row, options }));
}

/** The programs of the running server. GPHOME may name another version than a cluster has. */
async function binDirOf(session: Session): Promise<string> {
  const running = await readlink(`/proc/${session.pid}/exe`).catch(() => undefined);
  if (running !== undefined) return dirname(running);
  const home = process.env['GPHOME'];
  if (home === undefined)
    throw new Error('the server is on another host: set GPHOME to the folder of its programs');
  return join(home, 'bin');
}

/** How to connect to the coordinator. */
export function targetOf(cluster: GreenplumCluster, database = 'postgres'): ConnectionTarget {
  const { host, port, user, binDir } = cluster;
  return { host, port, user, database, binDir };
}

/** How to connect to a segment in utility mode. */
export function segmentTargetOf(
  cluster: GreenplumCluster,
  content: number,
  database: string,
): ConnectionTarget {
  const segment = cluster.segments[content];
  if (segment === undefined) throw new Error(`there is no content ${content}`);
  return { ...segment, user: cluster.user, database, binDir: cluster.binDir };
}

/** Runs one of Greenplum's programs. Returns its output. @throws with its error output. */
export async function runTool(
  target: ConnectionTarget,
  program: string,
  args: readonly string[],
  input = '',
): Promise<string> {
  const child = promisify(execFile)(join(target.binDir ?? '', program), args, {
    maxBuffer: 512 * 1024 * 1024,
    env: {
      PGHOST: target.host,
      PGPORT: String(target.port),
      PGUSER: target.user,
      PGDATABASE: target.database,
      PGAPPNAME: `stowage-test-${program}`,
      PGCLIENTENCODING: 'UTF8',
      PGOPTIONS: ['-c client_min_messages=error', target.options ?? ''].join(' '),
      LC_ALL: 'C.UTF-8',
    },
  });
  // A program that fails at once closes its input: report its own message, not EPIPE.
  child.child.stdin?.on('error', () => undefined).end(input);
  return (await child).stdout;
}

/** The output of `psql -At` for a script. @throws with the server's message on the first error. */
export async function psql(target: ConnectionTarget, sql: string): Promise<string> {
  const args = ['-X', '-At', '-q', '-v', 'ON_ERROR_STOP=1', '-f', '-'];
  return (await runTool(target, 'psql', args, sql)).replace(/\n$/, '');
}

/** Opens a session on the coordinator that may write. The caller closes it. */
export function sessionOn(
  target: ConnectionTarget,
  applicationName = 'stowage-test',
): Promise<Session> {
  return openSession(target, { purpose: 'restore', applicationName });
}
