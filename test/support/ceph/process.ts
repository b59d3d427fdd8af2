import { execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { User } from './host.ts';

const execute = promisify(execFile);

/** Where a command of this cluster runs. */
export interface ClusterPlace {
  readonly dir: string;
  readonly conf: string;
  readonly user: User | undefined;
}

export interface Daemon {
  /** Waits until an HTTP server answers there, with whatever status. */
  waitUntilHttp(endpoint: string): Promise<void>;
  stop(): Promise<void>;
}

const COMMAND_MS_MAX = 150_000;
const START_MS_MAX = 150_000;
const STOP_MS_MAX = 5_000;

/** Runs one command of Ceph's to its end; what it wrote is in the error when it fails. */
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

/** Starts a daemon in the foreground. It dies with us, whatever kills us: no test run may leave a cluster behind. */
export function startDaemon(at: ClusterPlace, program: string, ...args: string[]): Daemon {
  const output = openSync(`${at.dir}/${program}.out`, 'a');
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, '-c', at.conf, ...args], {
    ...at.user,
    cwd: at.dir,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  let ended: string | undefined;
  const end = new Promise<void>((resolve) => {
    const endAs = (how: string) => {
      ended = how;
      resolve();
    };
    child.once('exit', (code, signal) => endAs(`exit ${code ?? signal}`));
    child.once('error', (error) => endAs(error.message));
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
      if (ended !== undefined) return;
      child.kill('SIGTERM');
      // The state is thrown away: a daemon that takes its time to leave in good order is not waited for.
      const patience = AbortSignal.timeout(STOP_MS_MAX);
      patience.addEventListener('abort', () => child.kill('SIGKILL'), { once: true });
      await end;
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
