import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestServer } from '../../support/servers/postgres.ts';
import type { RunResult } from '../measure/measure.ts';
import type { Bench } from '../scenario.ts';
import { DATABASE, socketFolder } from '../setup/servers.ts';
import { environment, run } from '../setup/shell.ts';
import { BUCKET } from '../setup/store.ts';

/** The program as it is installed on a host: its first line sets the flags of Node. */
const PROGRAM = fileURLToPath(new URL('../../../dist/stowage.js', import.meta.url));

/** The database into which contenders restore. */
export const RESTORED = 'restored';

/** The set that Stowage restores. */
export interface StoredSet extends BackupPlace {
  readonly timestamp: string;
}

let roots = 0;

/** An unused root for one set. */
export function newRoot(): string {
  roots += 1;
  return `s3://${BUCKET}/root-${roots}`;
}

/** The section `backup` of stowage.yaml. */
export type BackupSettings = Readonly<Record<string, unknown>>;

/** A root, and settings of its backups. */
export interface BackupPlace {
  readonly root: string;
  readonly backup?: BackupSettings;
  /** The section `encryption` of stowage.yaml; absent = sets are not encrypted. */
  readonly encryption?: BackupSettings;
}

/** Runs the command line for a cluster of servers. */
export async function stowage(
  bench: Bench,
  servers: readonly TestServer[],
  place: string | BackupPlace,
  ...args: string[]
): Promise<RunResult> {
  const { root, backup = {}, encryption } = typeof place === 'string' ? { root: place } : place;
  const config = join(bench.home, 'stowage.yaml');
  const [first] = servers;
  const { endpoint, region } = bench.store;
  const configuration = {
    cluster: 'bench',
    root,
    database: DATABASE,
    segments: servers.map(({ host, port }, content) => ({
      content,
      host: bench.options.sockets ? socketFolder(bench) : host,
      port,
    })),
    connection: { user: first?.user, binDir: first?.binDir },
    backup,
    ...(encryption && { encryption }),
    functions: 'inline',
    storage: { endpoint, region },
  };
  await writeFile(config, JSON.stringify(configuration));
  const out = await run(environment(bench, first), PROGRAM, [
    '--config',
    config,
    '--json',
    ...args,
  ]);
  const printed: unknown = JSON.parse(out);
  return { printed, facts: factsIn(printed) };
}

/** Restores a set of one server into the database `RESTORED`. */
export const restoreSet = (bench: Bench, server: TestServer, set: StoredSet, ...flags: string[]) =>
  stowage(bench, [server], set, 'restore', set.timestamp, '--database', RESTORED, ...flags);

/** Field of Stowage's summary → fact of the report. Of several values, the largest counts. */
const FACT_NAMES: Readonly<Record<string, string>> = {
  eventLoopDelayP99Ms: 'eventLoopDelayP99Ms',
  peakMemoryBytes: 'peakMemoryBytes',
  storedBytes: 'setBytes',
  objects: 'setObjects',
  carriedBytes: 'carriedBytes',
};

export function factsIn(printed: unknown): Record<string, number> {
  const facts: Record<string, number> = {};
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      const fact = FACT_NAMES[name];
      if (fact !== undefined && typeof inner === 'number')
        facts[fact] = Math.max(facts[fact] ?? 0, inner);
      visit(inner);
    }
  };
  visit(printed);
  return facts;
}

/** The timestamp of the set, from the output of a backup. */
export function timestampIn({ printed }: Pick<RunResult, 'printed'>): string {
  const { timestamp } = (printed ?? {}) as { timestamp?: unknown };
  if (typeof timestamp !== 'string') throw new Error('the backup printed no timestamp');
  return timestamp;
}
