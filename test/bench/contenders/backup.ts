import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { eachInFlight } from '../../../async/each-in-flight.ts';
import type { RunResult } from '../measure/measure.ts';
import type { Bench } from '../scenario.ts';
import type { Source } from '../setup/servers.ts';
import { environment, quoted, shell } from '../setup/shell.ts';
import { awsFlags, BUCKET } from '../setup/store.ts';
import type { Contender } from './contenders.ts';
import { physicalBackup } from './pgbackrest.ts';
import { copyByProgram, rcloneInProgram } from './programs.ts';
import { newRoot, stowage } from './stowage.ts';

/** The names of the contenders. The bars refer to them. */
export const BACKUP = {
  floor: "COPY TO PROGRAM 'cat >/dev/null'",
  zstd: "COPY TO PROGRAM 'zstd -1 >/dev/null'",
  rclone: 'psql COPY | zstd -1 | rclone rcat',
  aws: 'psql COPY | zstd -1 | aws s3 cp -',
  gzipProgram: "COPY TO PROGRAM 'gzip -1 | rclone rcat'",
  zstdProgram: "COPY TO PROGRAM 'zstd -1 | rclone rcat'",
  pgDump: 'pg_dump -Fd -Z1, then rclone copy',
  pgBackRest: 'pgbackrest, zst level 1 (physical, to a local disk)',
  stowage: 'stowage backup',
} as const;

/** All contenders that back up the tables of a source, `workers` tables at once. */
export function backupContenders(bench: Bench, source: Source, workers: number): Contender[] {
  const { server, tables } = source;
  const byProgram = (programFor: (table: string) => string) => () =>
    copyByProgram(bench, server, tables, { workers }, programFor);
  const piped = (into: (table: string) => string) => () =>
    eachTable(
      bench,
      source,
      workers,
      (table) => `psql -X -q -c 'COPY ${table} TO STDOUT' | zstd -1 -q | ${into(table)}`,
    );
  const clean = () => bench.store.ready(false);
  return [
    { name: BACKUP.floor, needs: [], run: byProgram(() => 'cat >/dev/null') },
    { name: BACKUP.zstd, needs: ['zstd'], run: byProgram(() => 'zstd -1 -q >/dev/null') },
    {
      name: BACKUP.stowage,
      needs: [],
      run: () => stowage(bench, [server], newRoot(), 'backup', '--workers', String(workers)),
      clean,
    },
    {
      name: BACKUP.zstdProgram,
      needs: ['zstd', 'rclone'],
      run: byProgram(
        (table) =>
          `zstd -1 -q | ${rcloneInProgram(bench, `rclone rcat -q sink:${BUCKET}/${table}.zst`)}`,
      ),
      clean,
    },
    {
      name: BACKUP.rclone,
      needs: ['zstd', 'rclone'],
      run: piped((table) => `rclone rcat -q sink:${BUCKET}/${table}.zst`),
      clean,
    },
    {
      name: BACKUP.aws,
      needs: ['zstd', 'aws'],
      run: piped(
        (table) =>
          `aws ${awsFlags(bench.store)} s3 cp --only-show-errors - s3://${BUCKET}/${table}.zst`,
      ),
      clean,
    },
    {
      name: BACKUP.gzipProgram,
      needs: ['gzip', 'rclone'],
      run: byProgram(
        (table) =>
          `gzip -1 | ${rcloneInProgram(bench, `rclone rcat -q sink:${BUCKET}/${table}.gz`)}`,
      ),
      clean,
    },
    dumpContender(bench, source, workers),
    physicalBackup(bench, source, workers, BACKUP.pgBackRest),
  ];
}

/** Writes to a local disk first: the directory format of pg_dump cannot be streamed. */
function dumpContender(bench: Bench, source: Source, workers: number): Contender {
  const folder = join(bench.home, 'dump');
  return {
    name: BACKUP.pgDump,
    needs: ['rclone'],
    async run() {
      await shell(
        environment(bench, source.server),
        `pg_dump -Fd -j ${workers} -Z1 -f ${quoted(folder)} && rclone copy -q ${quoted(folder)} sink:${BUCKET}/dump`,
      );
      return {};
    },
    async clean() {
      await rm(folder, { recursive: true, force: true });
      await bench.store.ready(false);
    },
  };
}

async function eachTable(
  bench: Bench,
  { server, tables }: Source,
  workers: number,
  commandFor: (table: string) => string,
): Promise<RunResult> {
  const env = environment(bench, server);
  await eachInFlight(tables, workers, (table) => shell(env, commandFor(table)));
  return {};
}
