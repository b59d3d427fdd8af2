import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestServer } from '../../support/servers/postgres.ts';
import type { Bench } from '../scenario.ts';
import { environment, quoted, run, shell } from '../setup/shell.ts';
import type { Contender } from './contenders.ts';
import { physicalRepository } from './pgbackrest.ts';
import { type BackupSettings, newRoot, stowage } from './stowage.ts';

/** The names of the contenders. The bars refer to them. */
export const INCREMENTAL = {
  full: 'stowage backup --full',
  content: 'stowage backup, by content only',
  witness: 'stowage backup, with WAL summaries',
  restic: 'pg_dump -Fc -Z0 | restic backup --stdin (to a local disk)',
  pgBackRest: 'pgbackrest --type=incr (physical, to a local disk)',
} as const;

/** A contender that first takes the backup on which its later runs build. */
export interface Nightly extends Contender {
  /** Takes the first backup. Not measured. */
  begin(): Promise<void>;
}

/** All contenders that can run against this server, `workers` tables at once. */
export function nightlyContenders(
  bench: Bench,
  server: TestServer,
  workers: number,
  hasSummaries: boolean,
): Nightly[] {
  const byWitness = [ours(bench, server, workers, INCREMENTAL.witness, {})];
  const noWitness = hasSummaries ? { witnesses: { walSummary: false } } : {};
  return [
    full(bench, server, workers),
    ours(bench, server, workers, INCREMENTAL.content, noWitness),
    ...(hasSummaries ? byWitness : []),
    restic(bench, server),
    ...(hasSummaries ? [] : [pgBackRest(bench, server, workers)]),
  ];
}

function full(bench: Bench, server: TestServer, workers: number): Nightly {
  return {
    name: INCREMENTAL.full,
    needs: [],
    begin: () => Promise.resolve(),
    run: () =>
      stowage(bench, [server], newRoot(), 'backup', '--full', '--workers', String(workers)),
  };
}

function ours(
  bench: Bench,
  server: TestServer,
  workers: number,
  name: string,
  backup: BackupSettings,
): Nightly {
  const place = { root: newRoot(), backup };
  const take = () => stowage(bench, [server], place, 'backup', '--workers', String(workers));
  return {
    name,
    needs: [],
    async begin() {
      await take();
    },
    run: take,
  };
}

/** Deduplicates by content, after pg_dump has read and formatted every row. */
function restic(bench: Bench, server: TestServer): Nightly {
  const folder = join(bench.home, 'restic');
  const env = {
    ...environment(bench, server),
    RESTIC_REPOSITORY: join(folder, 'repo'),
    RESTIC_PASSWORD: 'bench',
    RESTIC_CACHE_DIR: join(folder, 'cache'),
  };
  const stored = sizeOf(bench, join(folder, 'repo'));
  const take = async () => {
    await shell(env, 'pg_dump -Fc -Z0 | restic backup -q --stdin --stdin-filename bench.dump');
    return {};
  };
  return {
    name: INCREMENTAL.restic,
    needs: ['restic'],
    async begin() {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      await run(env, 'restic', ['init', '-q']);
      await take();
      await stored.begin();
    },
    run: take,
    inspect: stored.growth,
  };
}

/** Reads and stores the files that have changed, of all databases. */
function pgBackRest(bench: Bench, server: TestServer, workers: number): Nightly {
  const repository = physicalRepository(bench, server);
  const stored = sizeOf(bench, repository.folder);
  const take = (type: 'full' | 'incr') => repository.backup(type, workers);
  return {
    name: INCREMENTAL.pgBackRest,
    needs: ['pgbackrest'],
    async begin() {
      await repository.create();
      await take('full');
      await stored.begin();
    },
    async run() {
      await take('incr');
      return {};
    },
    inspect: stored.growth,
  };
}

/** What a run added to a local repository. */
function sizeOf(bench: Bench, folder: string) {
  let last = 0;
  const read = async () =>
    Number(await shell(environment(bench), `du -sb ${quoted(folder)} | cut -f1`));
  return {
    async begin() {
      last = await read();
    },
    async growth() {
      const before = last;
      last = await read();
      return { storedBytes: last - before };
    },
  };
}
