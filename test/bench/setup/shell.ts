import { dirname } from 'node:path';
import { describeExit, runToEnd } from '../../../async/child-process.ts';
import type { TestServer } from '../../support/servers/postgres.ts';
import type { Bench } from '../scenario.ts';
import { DATABASE, socketFolder } from './servers.ts';
import { awsVariables, rcloneVariables } from './store.ts';

/** The environment of every client. Nothing of the environment of the bench is passed on. */
export function environment(
  bench: Bench,
  server?: TestServer,
  database = DATABASE,
): Record<string, string> {
  const tools = Object.values(bench.tools.found).map(({ path }) => dirname(path));
  return {
    PATH: [
      // First the programs of the server's version: an older pg_dump refuses the server.
      ...new Set([dirname(process.execPath), server?.binDir ?? '', ...tools, '/usr/bin', '/bin']),
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

/** Runs a command in bash. Returns its output. @throws Error with its error output. */
export async function shell(env: Record<string, string>, command: string): Promise<string> {
  return run(env, 'bash', ['-c', `set -euo pipefail; ${command}`]);
}

export async function run(
  env: Record<string, string>,
  program: string,
  args: readonly string[],
): Promise<string> {
  const outputCharsMax = Number.POSITIVE_INFINITY;
  const { stdout, stderr, ...exit } = await runToEnd(program, args, { env, outputCharsMax });
  if (exit.code !== 0)
    throw new Error(
      `${program} ${args.join(' ')} ended with ${describeExit(exit)}: ${stdout.slice(-1000)}${stderr.slice(-2000)}`,
    );
  return stdout;
}

/** Quotes a word for a shell. */
export const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
