import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { terminate } from '../../../async/child-process.ts';
import { programOf, STORE_SERVERS } from '../../../infra/setup/stores/servers.mjs';

/** A program that was built into the cache folder, and the folder in which it keeps its data. */
export interface RunningProgram {
  readonly folder: string;
  /** Waits until `isReady` holds. @throws with the end of its log when it has ended, or is late. */
  waitUntil(isReady: () => Promise<boolean>): Promise<void>;
  /** Ends the process and removes its folder. May be called twice. */
  stop(): Promise<void>;
}

const START_MS_MAX = 150_000;
const STOP_MS_MAX = 5_000;

/** A server of infra/setup/stores/servers.mjs by its name. */
export function builtServer(name: string): { readonly version: string; readonly program: string } {
  const server = STORE_SERVERS.find((one) => one.name === name);
  if (server === undefined) throw new Error(`no server is called ${name}`);
  return { version: server.version, program: programOf(server, process.env) };
}

/**
 * Starts a program in a new temporary folder. The kernel kills it when this process ends, so no
 * server stays after a test.
 */
export async function startProgram(
  program: string,
  argsIn: (folder: string) => Promise<readonly string[]>,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningProgram> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-store-'));
  const args = await argsIn(folder);
  const output = openSync(join(folder, 'output.log'), 'a');
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, TMPDIR: folder, ...env },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  let ended: string | undefined;
  child.once('exit', (code, signal) => (ended = `exit ${code ?? signal}`));
  child.once('error', (error) => (ended = error.message));
  return {
    folder,
    async waitUntil(isReady) {
      for (const until = Date.now() + START_MS_MAX; Date.now() < until; await sleep(50)) {
        if (ended !== undefined) break;
        if (await isReady().catch(() => false)) return;
      }
      const log = await readFile(join(folder, 'output.log'), 'utf8').catch(() => '');
      throw new Error(`${program} is not ready (${ended ?? 'running'}):\n${log.slice(-4000)}`);
    },
    async stop() {
      // Its state is thrown away, so a slow server may be killed.
      await terminate(child, STOP_MS_MAX);
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
