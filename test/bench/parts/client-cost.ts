import { type StdioOptions, spawn } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describeExit, exitOf } from '../../../async/child-process.ts';
import type { TestServer } from '../../support/servers/postgres.ts';
import { endedChildrenMs, serverMs } from '../measure/cpu.ts';
import { median } from '../report/result.ts';

/** The cost of a run of a client. */
export interface Cost {
  readonly clientMs: number;
  readonly serverMs: number;
  readonly wallMs: number;
}

/**
 * Bundles modules of this folder into one file each, as the product is bundled. Otherwise the time
 * to compile a hundred modules would be counted.
 */
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

/** The environment of all clients. Nothing else is passed on: a proxy or a CA would be measured. */
export const BASE = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8' };

export interface Client {
  readonly command: readonly string[];
  /** Added to BASE. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs all clients one after the other in every round, so that none is favoured by the machine. */
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

/** Runs a client. Its output goes to /dev/null. */
async function costOf(server: TestServer, { command, env = {} }: Client): Promise<Cost> {
  const clientBefore = await endedChildrenMs();
  const serverBefore = await serverMs(server.pid);
  const startedAt = performance.now();
  const [program = '', ...args] = command;
  const stdio: StdioOptions = ['ignore', 'ignore', 'inherit'];
  const child = spawn(program, args, { stdio, env: { ...BASE, ...env } });
  const exit = await exitOf(child);
  if (exit.code !== 0) throw new Error(`${program} ended with ${describeExit(exit)}`);
  const wallMs = performance.now() - startedAt;
  return {
    clientMs: (await endedChildrenMs()) - clientBefore,
    serverMs: (await serverMs(server.pid)) - serverBefore,
    wallMs,
  };
}

/** Medians in seconds per GB of COPY text, and the raw values of the client. */
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
