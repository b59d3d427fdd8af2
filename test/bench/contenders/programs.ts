import { join } from 'node:path';
import { mapInFlight } from '../../../async/each-in-flight.ts';
import type { TestServer } from '../../support/servers/postgres.ts';
import { parseStat } from '../measure/cpu.ts';
import type { RunResult } from '../measure/measure.ts';
import type { Bench } from '../scenario.ts';
import { environment, quoted, run } from '../setup/shell.ts';
import { rcloneVariables } from '../setup/store.ts';

/**
 * Runs COPY … PROGRAM for several tables at once. The backend waits for its program, so Linux adds
 * the CPU time of the program to that of the backend's ended children. The same session then reads
 * it from /proc/self/stat.
 */
export async function copyByProgram(
  bench: Bench,
  server: TestServer,
  tables: readonly string[],
  {
    workers,
    direction = 'TO',
    database,
  }: { workers: number; direction?: 'TO' | 'FROM'; database?: string },
  programFor: (table: string) => string,
): Promise<RunResult> {
  const env = environment(bench, server, database);
  const times = await mapInFlight(tables, workers, async (table) => {
    const copy = `COPY ${table} ${direction} PROGRAM ${literal(programFor(table))}`;
    const stat = await run(env, join(server.binDir, 'psql'), [
      '-X',
      '-q',
      '-At',
      '-v',
      'ON_ERROR_STOP=1',
      '-c',
      copy,
      '-c',
      `SELECT pg_read_file('/proc/self/stat')`,
    ]);
    return parseStat(stat.trim()).childrenMs;
  });
  return { programMs: times.reduce((sum, ms) => sum + ms, 0) };
}

/** Sets rclone's configuration in the command, because the user of the server has none. */
export function rcloneInProgram(bench: Bench, command: string): string {
  const variables = Object.entries({ HOME: '/nonexistent', ...rcloneVariables(bench.store) });
  return `env ${variables.map(([name, value]) => `${name}=${quoted(value)}`).join(' ')} ${command}`;
}

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
