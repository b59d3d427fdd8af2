import { join } from 'node:path';
import { mapInFlight } from '../../../async/each-in-flight.ts';
import type { TestServer } from '../../support/servers/postgres.ts';
import { parseStat } from '../measure/cpu.ts';
import type { RunResult } from '../measure/measure.ts';
import type { Bench } from '../scenario.ts';
import { environment, quoted, run } from '../setup/shell.ts';
import { rcloneVariables } from '../setup/store.ts';

/**
 * Runs COPY with a program inside PostgreSQL, several tables at once. The backend waits for its program, so Linux adds the
 * program's time to what the backend's ended children used; the backend tells it before it ends.
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

/** The server's user has no configuration of rclone: the command brings its own. */
export function rcloneInProgram(bench: Bench, command: string): string {
  const variables = Object.entries({ HOME: '/nonexistent', ...rcloneVariables(bench.store) });
  return `env ${variables.map(([name, value]) => `${name}=${quoted(value)}`).join(' ')} ${command}`;
}

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
