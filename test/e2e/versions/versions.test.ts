import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readArchiveHeader } from '../../../database/objects/toc.ts';
import { type CliResult, failureOf, stowage } from '../../support/cli.ts';
import { configFor, DATABASE, databasesOf } from '../../support/e2e/cluster.ts';
import { databaseContents, rolesOf } from '../../support/e2e/compare.ts';
import { suiteFile } from '../../support/e2e/encryption.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { postgres17 } from '../../support/servers/postgres-17.ts';

// Two versions of PostgreSQL: the machine's own (15 in CI), and 17 with its programs.
const SHIPPER = fileURLToPath(new URL('../../../segment-shipper/main.ts', import.meta.url));
const KINDS = new URL('../../integration/database/sql/kinds.sql', import.meta.url);

const POSTGRES_17 = await postgres17();

let place: Place;
let older: TestServer;
let newer: TestServer;
/** One set of each server, by the programs of that server. */
const sets = { older: '', newer: '' };

interface Run {
  readonly on: TestServer;
  readonly root: string;
  /** The folder of the programs; a list = they are in PATH, in this order. */
  readonly bin: string | readonly string[];
  readonly more?: Record<string, unknown>;
}

async function run(args: string[], { on, root, bin, more }: Run): Promise<CliResult> {
  const inPath = typeof bin !== 'string';
  const connection = { user: on.user, ...(inPath ? {} : { binDir: bin }) };
  const config = await configFor(place, [on], root, { connection, ...more });
  const path = [...(inPath ? bin : []), dirname(process.execPath), '/usr/bin', '/bin'].join(':');
  return stowage(args, { config, env: { PATH: path } });
}

const restoreArgs = (database: string, ...more: string[]) => [
  ...['restore', 'latest', '--create', '--database', database, ...more],
];

/** Compares what both databases hold, by the programs of the newer version. */
async function isRestored(from: TestServer, to: TestServer, database: string): Promise<void> {
  const seen = async (server: TestServer, name: string) => {
    const contents = await databaseContents({ ...server, binDir: newer.binDir }, '', name);
    return { ...contents, schema: inOneWay(contents.schema) };
  };
  const [before, after] = [await seen(from, DATABASE), await seen(to, database)];
  expect(before.rows.size).toBeGreaterThan(5);
  expect(after).toEqual(before);
}

/**
 * Since 16, a server prints columns of a view of one table without the name of the table. Since
 * November 2026 (15.20) a server keeps a stamp of its own with each column, which an older pg_dump
 * takes for an option.
 */
function inOneWay(schema: string): string {
  return schema
    .replace(/^-- Dumped from database version .*$/m, '')
    .replaceAll(/^ALTER (?:FOREIGN )?TABLE ONLY (?:(?!;\n)[\s\S])* SET \(pg_attver=\d+\);\n/gm, '')
    .replaceAll(/^ SELECT \w+\.(\w+)$/gm, ' SELECT $1');
}

async function isRefused(result: CliResult, words: RegExp, on: TestServer): Promise<void> {
  expect(result.json.error).toMatchObject({
    code: 'restore/refused',
    message: expect.stringMatching(words),
    where: { content: 0 },
  });
  expect(result.code).toBe(4);
  expect(await databasesOf(on)).not.toContain('refused');
}

describe.skipIf(POSTGRES_17 === undefined)('two versions of PostgreSQL', () => {
  beforeAll(async () => {
    place = await directoryPlace();
    const databases = [DATABASE];
    [older, newer] = await Promise.all([
      startPostgres({ databases }),
      startPostgres({ databases, binDir: POSTGRES_17 ?? '' }),
    ]);
    const kinds = await readFile(KINDS, 'utf8');
    // No script of an extension makes these tables again.
    const sql = kinds.replace(/^-- An extension with[\s\S]*?WHERE extname = 'citext';$/m, '');
    for (const [name, server] of [
      ['older', older],
      ['newer', newer],
    ] as const) {
      await server.psql(
        `CREATE ROLE r_${name}; ${sql}
        GRANT SELECT ON public.parts TO r_${name}; ALTER TABLE public.fast OWNER TO r_${name}`,
        DATABASE,
      );
      sets[name] = place.newRoot();
      const backup = await run(['backup'], { on: server, root: sets[name], bin: server.binDir });
      expect(failureOf(backup)).toBeUndefined();
    }
  });
  afterAll(async () => {
    await Promise.all([older?.stop(), newer?.stop()]);
    await place?.stop();
  });

  test('a set of the older version is restored into the newer one with roles, and is equal', async () => {
    const to = { on: newer, root: sets.older, bin: newer.binDir };
    expect(failureOf(await run(restoreArgs('from_older', '--globals'), to))).toBeUndefined();
    await isRestored(older, newer, 'from_older');
    expect(await rolesOf(newer)).toContain('CREATE ROLE r_older;');
  });

  test('the older pg_restore restores its own set into the newer version, and it is equal', async () => {
    const to = { on: newer, root: sets.older, bin: older.binDir };
    expect(failureOf(await run(restoreArgs('by_older', '--globals'), to))).toBeUndefined();
    await isRestored(older, newer, 'by_older');
  });

  test('the programs that fit a server are chosen from several versions in PATH', async () => {
    const both = [
      [newer, [older.binDir, newer.binDir]],
      [older, [newer.binDir, older.binDir]],
    ] as const;
    for (const [server, bin] of both) {
      const root = place.newRoot();
      const backup = await run(['backup'], { on: server, root, bin });
      expect(failureOf(backup)).toBeUndefined();
      expect(backup.text).not.toContain('newer-programs');
      const { dumpVersion, serverVersion } = await headerIn(root);
      expect(dumpVersion).toBe(serverVersion);
      const restore = await run(restoreArgs('same'), { on: server, root, bin });
      expect(failureOf(restore)).toBeUndefined();
      await isRestored(server, server, 'same');
    }
  });

  test('a set of the newer version is not restored into the older one, and both versions are named', async () => {
    const to = { on: older, root: sets.newer, bin: older.binDir };
    const words =
      /content 0 of the set comes from PostgreSQL 17\.\d+, and 127\.0\.0\.1:\d+ is PostgreSQL \d+\.\d+: .* Restore into PostgreSQL 17 or later/;
    await isRefused(await run(restoreArgs('refused'), to), words, older);
    const { json, code } = await run(restoreArgs('refused', '--dry-run'), to);
    expect(code).toBe(4);
    expect(JSON.stringify(json)).toMatch(words);
  });

  test('programs that cannot restore the set are named before anything is made, with what to install', async () => {
    await isRefused(
      await run(restoreArgs('refused'), { on: newer, root: sets.newer, bin: older.binDir }),
      /pg_restore is version \d+\.\d+, but schema\.dump of the set was written by pg_dump 17\.\d+: only pg_restore 17 or later reads it\. Install the programs of PostgreSQL 17/,
      newer,
    );
    await isRefused(
      await run(restoreArgs('refused'), { on: older, root: sets.older, bin: newer.binDir }),
      /pg_restore is version 17\.\d+, which cannot restore into .*transaction_timeout.* Install the programs of PostgreSQL \d+ /,
      older,
    );
  });

  test('a shipper on a host with such programs makes no database', async () => {
    const more = { shippers: { command: [process.execPath, SHIPPER] } };
    const at = { on: newer, root: sets.newer, bin: older.binDir, more };
    const { json, code } = await run(restoreArgs('refused'), at);
    expect(json.problems[0]?.message).toMatch(/only pg_restore 17 or later reads it/);
    expect(code).toBe(3);
    expect(await databasesOf(newer)).not.toContain('refused');
  });

  test('a backup of the older version by newer programs says where its set can be restored', async () => {
    const root = place.newRoot();
    const backup = await run(['backup'], { on: older, root, bin: newer.binDir });
    expect(failureOf(backup)).toBeUndefined();
    expect(backup.stderrEvents).toContainEqual(
      expect.objectContaining({
        event: 'newer-programs',
        advice: expect.stringContaining('can be restored into PostgreSQL 17 or later only'),
      }),
    );
    // The programs of 17.10 are older than the stamps of columns of a server of 15.20.
    const hasStamps = (await older.psql(STAMPED, DATABASE)).trim() === 't';
    expect(backup.text.includes('pg_attver')).toBe(hasStamps);
    await isRefused(
      await run(restoreArgs('refused'), { on: older, root, bin: [newer.binDir, older.binDir] }),
      /only pg_restore 17 or later reads it, and that cannot restore into/,
      older,
    );
  });
});

const STAMPED =
  "SELECT EXISTS (SELECT FROM pg_attribute WHERE attoptions::text LIKE '%pg_attver=%')";

async function headerIn(root: string) {
  const store = await place.open(root);
  const keys = await Array.fromAsync(store.list('sets/'));
  const key = keys.find((one) => one.key.endsWith('schema.dump'))?.key ?? '';
  return readArchiveHeader(await suiteFile(store, key), key);
}
