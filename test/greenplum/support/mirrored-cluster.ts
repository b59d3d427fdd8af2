import { execFile } from 'node:child_process';
import { appendFile, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Segment } from '../../../database/flavour.ts';
import { waitUntil } from '../../support/wait-for.ts';
import { type GreenplumCluster, psql, targetOf } from './cluster.ts';
import { SCRIPT } from './doctor-cluster.ts';

const PORT = 7650;
const SEGMENTS = 2;
/** The shortest that Greenplum allows: a failover then takes seconds. */
const QUICK_FTS = 'gp_fts_probe_interval = 10\ngp_fts_probe_retries = 1\n';

/** A cluster of two segments whose mirrors take over when a test kills a primary. */
export interface MirroredCluster extends GreenplumCluster {
  /** Kills the postmaster and every process of a content's primary, or of its mirror. */
  kill(content: number, role: 'p' | 'm'): Promise<void>;
  /** Copies and starts the mirrors that are down, and reads the places of the primaries again. */
  recover(): Promise<void>;
  destroy(): Promise<void>;
}

export async function mirroredCluster(source: GreenplumCluster): Promise<MirroredCluster> {
  const { major, user, binDir } = source;
  const name = `mirrored${process.pid}`;
  const script = (...args: readonly string[]) => promisify(execFile)(SCRIPT, args);
  await script('create', String(major), name, String(SEGMENTS), String(PORT), '--mirrors');
  const coordinator = join(dirname(SCRIPT), 'data', name, 'coordinator');
  await appendFile(join(coordinator, 'postgresql.conf'), QUICK_FTS);
  process.kill(await postmasterOf(coordinator), 'SIGHUP');
  const segments: Segment[] = [];
  const utility = major >= 7 ? '-c gp_role=utility' : '-c gp_session_role=utility';
  const cluster: MirroredCluster = {
    host: '127.0.0.1',
    port: PORT,
    user,
    major,
    binDir,
    segments,
    async kill(content, role) {
      const folder = await ask(
        `SELECT datadir FROM gp_segment_configuration WHERE content = ${content} AND role = '${role}'`,
      );
      const pid = await postmasterOf(folder);
      const all = [pid, ...(await childrenOf(pid))];
      for (const one of all) kill(one);
    },
    async recover() {
      await script('recover', name);
      const ports = await ask(
        "SELECT port FROM gp_segment_configuration WHERE role = 'p' AND content >= 0 ORDER BY content",
      );
      const found = ports.split('\n').map((port, content) => {
        return { content, host: '127.0.0.1', port: Number(port), options: utility };
      });
      segments.splice(0, segments.length, ...found);
    },
    async destroy() {
      await script('destroy', name);
    },
  };
  /** Of the coordinator alone: a segment may be down. */
  const ask = (sql: string) => psql({ ...targetOf(cluster), options: utility }, sql);
  await waitUntil(async () => (await ask('SHOW gp_fts_probe_retries')) === '1');
  await cluster.recover();
  return cluster;
}

async function postmasterOf(folder: string): Promise<number> {
  return Number((await readFile(join(folder, 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

async function childrenOf(pid: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8')),
  );
  return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // A child ends by itself when its postmaster is gone.
  }
}
