import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { writeConfig } from '../cli.ts';
import type { TestServer } from '../servers/postgres.ts';
import type { Place } from './place.ts';

/** A resident agent, in a process of its own. */
export interface RunningAgent {
  readonly pid: number;
  /** The messages of its log so far. */
  readonly log: readonly string[];
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

export interface AgentOptions {
  readonly place: Place;
  readonly root: string;
  readonly name: string;
  /** Content → server. */
  readonly serves: ReadonlyMap<number, TestServer>;
  readonly more?: Readonly<Record<string, unknown>>;
}

const MAIN = fileURLToPath(new URL('../../../segment-shipper/main.ts', import.meta.url));

/** Starts an agent as a host's systemd does; resolves when it serves, or has ended. */
export async function startAgent({
  place,
  root,
  name,
  serves,
  more,
}: AgentOptions): Promise<RunningAgent> {
  const [first] = serves.values();
  const config = await writeConfig(join(place.folder, `agent-${name}.yaml`), {
    root,
    name,
    contents: [...serves].map(([content, { host, port }]) => ({ content, host, port })),
    connection: { user: first?.user, binDir: first?.binDir },
    storage: place.storage,
    workers: 2,
    pollSeconds: 0.3,
    ...more,
  });
  const child = spawn(process.execPath, [MAIN, 'agent', '--config', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...place.env },
  });
  const log: string[] = [];
  const lines = createInterface({ input: child.stderr });
  const said = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      log.push(line);
      resolve();
    });
  });
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }));
  await Promise.race([said, ended]);
  return { pid: child.pid ?? -1, log, kill: (signal) => void child.kill(signal), ended };
}
