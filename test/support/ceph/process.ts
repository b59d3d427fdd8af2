import { execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { terminate } from '../../../async/child-process.ts';
import type { User } from './host.ts';

const execute = promisify(execFile);

/** The folder, configuration and user with which a command of this cluster runs. */
export interface ClusterPlace {
  readonly dir: string;
  readonly conf: string;
  readonly user: User | undefined;
}

export interface Daemon {
  /** Waits until an HTTP server responds at `endpoint`, with any status. */
  waitUntilHttp(endpoint: string): Promise<void>;
  stop(): Promise<void>;
}

const COMMAND_MS_MAX = 150_000;
const START_MS_MAX = 150_000;
const STOP_MS_MAX = 5_000;

/** Runs one command of Ceph to its end. The error of a failed command has the tails of all logs. */
export async function run(at: ClusterPlace, program: string, ...args: string[]): Promise<string> {
  try {
    const { stdout } = await execute(program, ['-c', at.conf, ...args], {
      ...at.user,
      cwd: at.dir,
      timeout: COMMAND_MS_MAX,
    });
    return stdout;
  } catch (error) {
    throw new Error(`${program} ${args[0]} failed; logs:\n${await logTails(at)}`, { cause: error });
  }
}

/**
 * Starts a daemon. The kernel kills it when this process ends, so no cluster stays after a test.
 */
export function startDaemon(at: ClusterPlace, program: string, ...args: string[]): Daemon {
  const output = openSync(`${at.dir}/${program}.out`, 'a');
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, '-c', at.conf, ...args], {
    ...at.user,
    cwd: at.dir,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  let ended: string | undefined;
  child.once('exit', (code, signal) => {
    ended = `exit ${code ?? signal}`;
  });
  child.once('error', (error) => {
    ended = error.message;
  });
  return {
    async waitUntilHttp(endpoint) {
      for (const until = Date.now() + START_MS_MAX; Date.now() < until; await sleep(50)) {
        if (ended !== undefined) break;
        const response = await fetch(endpoint).catch(() => undefined);
        if (response !== undefined) return void (await response.arrayBuffer());
      }
      throw new Error(
        `${program} does not answer at ${endpoint} (${ended ?? 'running'}); logs:\n${await logTails(at)}`,
      );
    },
    async stop() {
      // Its state is thrown away, so a slow daemon may be killed.
      await terminate(child, STOP_MS_MAX);
    },
  };
}

async function logTails(at: ClusterPlace): Promise<string> {
  const names = [
    'mon.a.log',
    'osd.0.log',
    'client.rgw.log',
    'ceph-mon.out',
    'ceph-osd.out',
    'radosgw.out',
  ];
  const tails = await Promise.all(
    names.map(async (name) => {
      const text = await readFile(`${at.dir}/${name}`, 'utf8').catch(() => '');
      return text === '' ? '' : `--- ${name}\n${text.slice(-2000)}`;
    }),
  );
  return tails.join('\n');
}
