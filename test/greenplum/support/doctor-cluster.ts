import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { GreenplumCluster } from './cluster.ts';

/**
 * A script that creates and destroys clusters (docs/testing.md). Only the machine that builds
 * Greenplum for these tests has it. The data directories are data/NAME/segN beside the script.
 */
export const SCRIPT = process.env['STOWAGE_TEST_GREENPLUM_SCRIPT'] ?? '/opt/gp/cluster.sh';
const DATA = join(dirname(SCRIPT), 'data');
const BASE_PORT = 7600;
const SEGMENTS = 2;

export const withoutThrowaways = !existsSync(SCRIPT);

/** A cluster that a test may break, of the same version as the one that it is made from. */
export interface ThrowawayCluster extends GreenplumCluster {
  /** Stops a segment. The coordinator is not informed. */
  stopSegment(content: number): Promise<void>;
  /** Adds a line at the top of a segment's pg_hba.conf, and reloads it. */
  prependHba(content: number, line: string): Promise<void>;
  destroy(): Promise<void>;
}

export async function throwawayCluster({
  major,
  user,
  binDir,
}: GreenplumCluster): Promise<ThrowawayCluster> {
  const name = `doctor${process.pid}`;
  const script = (...args: readonly string[]) => promisify(execFile)(SCRIPT, args);
  await script('create', String(major), name, String(SEGMENTS), String(BASE_PORT));
  const options = major >= 7 ? '-c gp_role=utility' : '-c gp_session_role=utility';
  const folderOf = (content: number) => join(DATA, name, `seg${content}`);
  const pidOf = async (content: number) =>
    Number((await readFile(join(folderOf(content), 'postmaster.pid'), 'utf8')).split('\n')[0]);
  return {
    host: '127.0.0.1',
    port: BASE_PORT,
    user,
    major,
    binDir,
    segments: Array.from({ length: SEGMENTS }, (_, content) => ({
      content,
      host: '127.0.0.1',
      port: BASE_PORT + 1 + content,
      options,
    })),
    async stopSegment(content) {
      const pid = await pidOf(content);
      process.kill(pid, 'SIGINT');
      while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 100));
    },
    async prependHba(content, line) {
      const file = join(folderOf(content), 'pg_hba.conf');
      await writeFile(file, `${line}\n${await readFile(file, 'utf8')}`);
      process.kill(await pidOf(content), 'SIGHUP');
    },
    async destroy() {
      await script('destroy', name);
    },
  };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
