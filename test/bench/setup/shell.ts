import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import type { TestServer } from '../../support/servers/postgres.ts';
import type { Bench } from '../scenario.ts';
import { DATABASE, socketFolder } from './servers.ts';
import { awsVariables, rcloneVariables } from './store.ts';

/** What every client finds in its environment; nothing of ours gets in. */
export function environment(
  bench: Bench,
  server?: TestServer,
  database = DATABASE,
): Record<string, string> {
  const tools = Object.values(bench.tools.found).map(({ path }) => dirname(path));
  return {
    PATH: [
      ...new Set([dirname(process.execPath), ...tools, server?.binDir ?? '', '/usr/bin', '/bin']),
    ]
      .filter((dir) => dir !== '')
      .join(':'),
    HOME: bench.home,
    LC_ALL: 'C.UTF-8',
    ...rcloneVariables(bench.store),
    ...awsVariables(bench.store),
    ...(bench.store.caFile === undefined ? {} : { NODE_EXTRA_CA_CERTS: bench.store.caFile }),
    ...(server === undefined
      ? {}
      : {
          PGHOST: bench.options.sockets ? socketFolder(bench) : server.host,
          PGPORT: String(server.port),
          PGUSER: server.user,
          PGDATABASE: database,
        }),
  };
}

/** Runs a command line in bash; returns what it wrote. @throws Error with what it complained of. */
export async function shell(env: Record<string, string>, command: string): Promise<string> {
  return run(env, 'bash', ['-c', `set -euo pipefail; ${command}`]);
}

export async function run(
  env: Record<string, string>,
  program: string,
  args: readonly string[],
): Promise<string> {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close');
  const [out, err] = await Promise.all([collect(child.stdout), collect(child.stderr)]);
  const [code] = (await closed) as [number | null];
  if (code !== 0)
    throw new Error(
      `${program} ${args.join(' ')} ended with ${String(code)}: ${out.slice(-1000)}${err.slice(-2000)}`,
    );
  return out;
}

async function collect(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += String(chunk);
  return text;
}

/** One word for a shell. */
export const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
