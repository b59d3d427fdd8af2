import { execFile } from 'node:child_process';
import { readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ConnectionTarget, Segment } from '../../../database/flavour.ts';
import { openSession, type Session } from '../../../database/session/session.ts';

/** A running cluster that the tests may make databases in. */
export interface GreenplumCluster {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Of Greenplum: 6 or 7. */
  readonly major: number;
  /** Where its own psql and pg_dump are. */
  readonly binDir: string;
  /** Its primaries, in order of content id; content i is at place i. */
  readonly segments: readonly Segment[];
}

const LIST = process.env['STOWAGE_TEST_GREENPLUM'] ?? '';

/** True where there is no cluster to test on; says so, once. */
export const withoutGreenplum = LIST === '';
if (withoutGreenplum)
  process.stderr.write('not run: everything on Greenplum (STOWAGE_TEST_GREENPLUM is not set)\n');

/** The clusters that STOWAGE_TEST_GREENPLUM lists (`host:port` of coordinators): the source, then where to restore. */
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

/** The programs beside the running server: GPHOME names one version, and the list of clusters may hold another. */
async function binDirOf(session: Session): Promise<string> {
  const running = await readlink(`/proc/${session.pid}/exe`).catch(() => undefined);
  if (running !== undefined) return dirname(running);
  const home = process.env['GPHOME'];
  if (home === undefined)
    throw new Error('the server is on another host: say by GPHOME where its programs are');
  return join(home, 'bin');
}

/** What a connection to the coordinator needs. */
export function targetOf(cluster: GreenplumCluster, database = 'postgres'): ConnectionTarget {
  const { host, port, user, binDir } = cluster;
  return { host, port, user, database, binDir };
}

/** What a connection to one segment needs, in utility mode. */
export function segmentTargetOf(
  cluster: GreenplumCluster,
  content: number,
  database: string,
): ConnectionTarget {
  const segment = cluster.segments[content];
  if (segment === undefined) throw new Error(`there is no content ${content}`);
  return { ...segment, user: cluster.user, database, binDir: cluster.binDir };
}

/** Runs one of Greenplum's own programs; returns what it wrote. @throws with what it complained about. */
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
  // A program that fails at once closes its input first; its own words are better than EPIPE.
  child.child.stdin?.on('error', () => undefined).end(input);
  return (await child).stdout;
}

/** What psql prints with -At for a script of any length; throws with the server's message on the first error. */
export async function psql(target: ConnectionTarget, sql: string): Promise<string> {
  const args = ['-X', '-At', '-q', '-v', 'ON_ERROR_STOP=1', '-f', '-'];
  return (await runTool(target, 'psql', args, sql)).replace(/\n$/, '');
}

/** A session on the coordinator that may write; the caller closes it. */
export function sessionOn(
  target: ConnectionTarget,
  applicationName = 'stowage-test',
): Promise<Session> {
  return openSession(target, { purpose: 'restore', applicationName });
}
