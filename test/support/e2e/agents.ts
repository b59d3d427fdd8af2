import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Exit, exitOf } from '../../../async/child-process.ts';
import { writeConfig } from '../cli.ts';
import { SHIPPER } from '../programs/programs.ts';
import type { TestServer } from '../servers/postgres.ts';
import type { Place } from './place.ts';

/** A resident agent in its own process. */
export interface RunningAgent {
  readonly pid: number;
  /** The lines of its log so far. */
  readonly log: readonly string[];
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Exit>;
}

export interface AgentOptions {
  readonly place: Place;
  readonly root: string;
  readonly name: string;
  /** Content → server. */
  readonly serves: ReadonlyMap<number, TestServer>;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Starts an agent as systemd does. Resolves when the agent has logged a line, or has ended. */
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
  const child = spawn(process.execPath, [SHIPPER, 'agent', '--config', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...place.env },
  });
  const log: string[] = [];
  const lines = createInterface({ input: child.stderr });
  const started = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      log.push(line);
      resolve();
    });
  });
  const ended = exitOf(child);
  await Promise.race([started, ended]);
  return { pid: child.pid ?? -1, log, kill: (signal) => void child.kill(signal), ended };
}
