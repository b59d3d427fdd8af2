import { type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { TestServer } from '../../support/servers/postgres.ts';
import { endedChildrenMs, serverMs } from '../measure/cpu.ts';
import { median } from '../report/result.ts';

/** What one run of a client cost. */
export interface Cost {
  readonly clientMs: number;
  readonly serverMs: number;
  readonly wallMs: number;
}

/** Modules of test/bench, one file each in `folder`, as the product is: to compile a hundred would be counted as their work. */
export async function bundle(folder: string, ...names: string[]): Promise<void> {
  await build({
    entryPoints: names.map((name) => join(import.meta.dirname, `${name}.ts`)),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    external: ['pg-native'],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
}

/** Nothing else of our environment gets in: a certificate or a proxy that is named there is not measured. */
export const BASE = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8' };

export interface Client {
  readonly command: readonly string[];
  /** Beside BASE. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs all clients of a server in turns, so that none has the machine at its best. */
export async function inTurns(
  rounds: number,
  server: TestServer,
  clients: Readonly<Record<string, Client>>,
): Promise<Map<string, Cost[]>> {
  const costs = new Map<string, Cost[]>(Object.keys(clients).map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1)
    for (const [name, client] of Object.entries(clients))
      costs.get(name)?.push(await costOf(server, client));
  return costs;
}

/** Everything it prints goes to /dev/null. */
async function costOf(server: TestServer, { command, env = {} }: Client): Promise<Cost> {
  const clientBefore = await endedChildrenMs();
  const serverBefore = await serverMs(server.pid);
  const startedAt = performance.now();
  const [program = '', ...args] = command;
  const stdio: StdioOptions = ['ignore', 'ignore', 'inherit'];
  const child = spawn(program, args, { stdio, env: { ...BASE, ...env } });
  const [code] = (await once(child, 'exit')) as [number];
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
  const wallMs = performance.now() - startedAt;
  return {
    clientMs: (await endedChildrenMs()) - clientBefore,
    serverMs: (await serverMs(server.pid)) - serverBefore,
    wallMs,
  };
}

/** Seconds per GB of COPY text: of the client as the median and raw, and the medians of the rest. */
export function perGigabyte(costs: readonly Cost[], bytes: number) {
  const seconds = (ms: number) => ms / 1e3 / (bytes / 1e9);
  const middle = (field: keyof Cost) => seconds(median(costs.map((cost) => cost[field])));
  return {
    client: middle('clientMs'),
    server: middle('serverMs'),
    wall: middle('wallMs'),
    raw: costs.map(({ clientMs }) => seconds(clientMs).toFixed(2)).join(' '),
  };
}
