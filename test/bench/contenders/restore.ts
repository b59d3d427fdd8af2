import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench } from '../scenario.ts';
import type { Source } from '../setup/servers.ts';
import { environment, quoted, run, shell } from '../setup/shell.ts';
import { BUCKET } from '../setup/store.ts';
import type { Contender } from './contenders.ts';
import { copyByProgram } from './programs.ts';
import { RESTORED, restoreSet, type StoredSet } from './stowage.ts';

/** The names of the contenders. The bars refer to them. */
export const RESTORE = {
  floor: "COPY FROM '/file' (text, not compressed)",
  curl: 'curl | zstd -dc | psql COPY',
  gzipProgram: "COPY FROM PROGRAM 'curl | gzip -dc'",
  pgRestore: 'pg_restore -j 4 (from a local disk)',
  one: 'stowage restore, 1 worker',
  oneUnverified: 'stowage restore, 1 worker, --no-verify',
  four: 'stowage restore, 4 workers',
  fourUnverified: 'stowage restore, 4 workers, --no-verify',
} as const;

/** All contenders that load the table of a source into an empty database. */
export function restoreContenders(bench: Bench, source: Source, set: StoredSet): Contender[] {
  const { server } = source;
  const [table = ''] = source.tables;
  const into = intoNewDatabase(bench, source);
  return [
    into({
      name: RESTORE.floor,
      needs: [],
      run: async () => {
        const copy = `COPY ${table} FROM '${source.textOf(table)}'`;
        await run(environment(bench, server, RESTORED), join(server.binDir, 'psql'), [
          '-X',
          '-q',
          '-c',
          copy,
        ]);
        return {};
      },
    }),
    into({
      name: RESTORE.curl,
      needs: ['curl', 'zstd'],
      run: async () => {
        const env = environment(bench, server, RESTORED);
        await shell(
          env,
          `${curl(bench, `${table}.zst`)} | zstd -dcq | psql -X -q -c 'COPY ${table} FROM STDIN'`,
        );
        return {};
      },
    }),
    into({
      name: RESTORE.gzipProgram,
      needs: ['curl', 'gzip'],
      run: () =>
        copyByProgram(
          bench,
          server,
          [table],
          { workers: 1, direction: 'FROM', database: RESTORED },
          () => `${curl(bench, `${table}.gz`)} | gzip -dc`,
        ),
    }),
    into({
      name: RESTORE.pgRestore,
      needs: [],
      isEmpty: true,
      run: async () => {
        const env = environment(bench, server, RESTORED);
        await shell(env, `pg_restore -j 4 -d ${RESTORED} ${quoted(dumpFolder(bench))}`);
        return {};
      },
    }),
    ...(
      [
        [RESTORE.oneUnverified, 1, ['--no-verify']],
        [RESTORE.one, 1, []],
        [RESTORE.fourUnverified, 4, ['--no-verify']],
        [RESTORE.four, 4, []],
      ] as const
    ).map(([name, workers, flags]) =>
      into({
        name,
        needs: [],
        isEmpty: true,
        run: () => restoreSet(bench, server, set, '--workers', String(workers), ...flags),
      }),
    ),
  ];
}

export const dumpFolder = ({ home }: Bench) => join(home, 'restore-dump');

/** Stores the same rows for the peers: as a zstd object, as a gzip object, and as a local dump. */
export async function storePeers(bench: Bench, source: Source): Promise<void> {
  const [table = ''] = source.tables;
  const env = environment(bench, source.server);
  const text = quoted(source.textOf(table));
  await shell(env, `zstd -1 -q -c ${text} | ${storePublic(`${table}.zst`)}`);
  await shell(env, `gzip -1 -c ${text} | ${storePublic(`${table}.gz`)}`);
  await rm(dumpFolder(bench), { recursive: true, force: true });
  await shell(env, `pg_dump -Fd -j 2 -Z1 -f ${quoted(dumpFolder(bench))}`);
}

/**
 * A command that stores standard input as a public object, so that curl needs no signature. Signing
 * would add a cost that differs between versions of curl.
 */
export const storePublic = (key: string) =>
  `rclone rcat -q --s3-acl public-read sink:${BUCKET}/${key}`;

/** A command that writes an object to standard output. */
export const curl = ({ store }: Bench, key: string) =>
  `curl -sSf ${store.caFile === undefined ? '' : `--cacert ${store.caFile} `}${store.endpoint}/${BUCKET}/${key}`;

/**
 * Creates a database for each run, with empty tables unless the contender creates them itself.
 * Counts the rows after the run, because a restore that loses rows would be fast.
 */
export function intoNewDatabase(
  bench: Bench,
  { server, tables }: Pick<Source, 'server' | 'tables'>,
) {
  return ({ isEmpty = false, ...contender }: Contender & { isEmpty?: boolean }): Contender => ({
    ...contender,
    async prepare() {
      await server.psql(`CREATE DATABASE ${RESTORED}`);
      const names = tables.map((table) => `-t ${table}`).join(' ');
      if (!isEmpty)
        await shell(
          environment(bench, server),
          `pg_dump --schema-only ${names} | psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d ${RESTORED}`,
        );
    },
    async inspect() {
      for (const table of tables) {
        const count = `SELECT count(*) FROM ${table}`;
        const [wanted, found] = [
          await server.psql(count, 'bench'),
          await server.psql(count, RESTORED),
        ];
        if (wanted !== found)
          throw new Error(`${contender.name} restored ${found} of ${wanted} rows`);
      }
      return {};
    },
    async clean() {
      await server.psql(`DROP DATABASE ${RESTORED}`);
    },
  });
}
