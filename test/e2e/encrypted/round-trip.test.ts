import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decode, encode } from '../../../backup-set/base/document.ts';
import { formatKey, parseKey } from '../../../backup-set/base/keys.ts';
import { RestorePlan, RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { previewRestore } from '../../../functions/handlers/plan-restore.ts';
import { bytesOf } from '../../integration/functions/place.ts';
import { type CliResult, stowage } from '../../support/cli.ts';
import { configFor, DATABASE, databasesOf } from '../../support/e2e/cluster.ts';
import { databaseContents } from '../../support/e2e/compare.ts';
import { type TestKeys, testKeys } from '../../support/e2e/encryption.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { waitFor } from '../../support/wait-for.ts';

/** Words that only rows and definitions have: names of tables stay readable. */
const SECRETS = ['secret row', 'secret comment', 'secret_role'];

let place: Place;
let servers: TestServer[];
let keys: TestKeys;
let [root, backupConfig, restoreConfig, first] = ['', '', '', ''];

const backup = (...args: string[]): Promise<CliResult> =>
  stowage(['backup', ...args], { config: backupConfig });
const restore = (config: string, timestamp: string, database: string): Promise<CliResult> =>
  stowage(['restore', timestamp, '--create', '--database', database], { config });

describe('an encrypted set', () => {
  beforeAll(async () => {
    place = await directoryPlace();
    servers = await startCluster(2, { databases: [DATABASE] });
    for (const server of servers)
      await server.psql(
        `CREATE TABLE orders AS SELECT g AS id, 'secret row ' || g AS word FROM generate_series(1, 20000) g;
         CREATE TABLE empty (id int);
         CREATE TABLE long AS SELECT repeat('secret row', 2000000) AS word;
         COMMENT ON TABLE orders IS 'secret comment';
         CREATE SEQUENCE numbers; SELECT setval('numbers', 77);
         SELECT lo_from_bytea(4711, 'secret row of a large object')`,
        DATABASE,
      );
    await servers[0]?.psql('CREATE ROLE secret_role');
    keys = await testKeys(place.folder);
    root = place.newRoot();
    backupConfig = await configFor(place, servers, root, { encryption: keys.section(false) });
    restoreConfig = await configFor(place, servers, root, { encryption: keys.section() });
    const made = await backup();
    expect(made.json.status, made.text).toBe('complete');
    first = made.json.timestamp;
  });
  afterAll(async () => {
    await stopAll(servers);
    await place?.stop();
  });

  test('has no row, definition or role in clear', async () => {
    const folder = fileURLToPath(root);
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    let packs = 0;
    for (const file of files.filter((each) => each.isFile())) {
      const bytes = await readFile(join(file.parentPath, file.name));
      if (file.name.endsWith('.pack')) packs += 1;
      for (const secret of SECRETS) expect(bytes.includes(secret), file.name).toBe(false);
      // A zstd frame and an archive of pg_dump begin so.
      expect(bytes.subarray(0, 4).toString('hex')).not.toBe('28b52ffd');
      expect(bytes.subarray(0, 5).toString()).not.toBe('PGDMP');
    }
    expect(packs).toBeGreaterThan(0);
  });

  test('is restored with the identity of a recipient, equal to the database', async () => {
    const restored = await restore(restoreConfig, first, 'again');
    expect(restored.json.status, restored.text).toBe('restored');
    for (const server of servers)
      expect(await databaseContents(server, 'again')).toEqual(
        await databaseContents(server, DATABASE),
      );
  });

  test('is not restored without an identity, or with another one', async () => {
    const other = await testKeys(place.folder);
    const wrong = await configFor(place, servers, root, {
      encryption: { ...keys.section(false), identityFile: other.identityFile },
    });
    for (const config of [backupConfig, wrong]) {
      const refused = await restore(config, first, 'never');
      expect(refused.code).toBe(4);
      expect(refused.json.error.code).toBe('encryption/no-identity');
    }
    expect(await servers[0]?.psql(`SELECT count(*) FROM pg_database WHERE datname = 'never'`)).toBe(
      '0',
    );
  });

  test('is not restored by a plan that was made from another manifest than the proven one', async () => {
    const config = await configFor(place, servers, root, {
      encryption: keys.section(),
      functions: 'events',
    });
    const store = await place.open(root);
    const running = restore(config, first, 'replaced');
    const request = await waitFor('a new request', async () => {
      for await (const { key } of store.list('restores/')) {
        if (parseKey(key)?.kind !== 'restore-request') continue;
        const found = decode(RestoreRequest, { key, bytes: await bytesOf(store, key) });
        if (found.target.database === 'replaced') return found;
      }
      return undefined;
    });
    const deps = { store, clock: () => new Date(), log: pino({ level: 'silent' }) };
    const made = await previewRestore(deps, request);
    if (!made.ok) throw new Error(JSON.stringify(made.failure));
    const plan = { ...made.value, manifestSha256: '0'.repeat(64) };
    const key = formatKey({ kind: 'restore-plan', restore: request.id });
    await store.create(key, encode(RestorePlan, plan));
    const refused = await running;
    expect(refused.json.status, refused.text).toBe('refused');
    expect(refused.json.problems).toMatchObject([{ code: 'not-proven' }]);
    expect(await databasesOf(servers[0] as TestServer)).not.toContain('replaced');
  });

  test('is verified with an identity row by row, and without one by its checksums', async () => {
    for (const [config, decrypted, said] of [
      [backupConfig, false, 'checksums only'],
      [restoreConfig, true, 'every frame was decrypted'],
    ] as const) {
      const verified = await stowage(['verify', first], { config });
      expect(verified.json, verified.text).toMatchObject({ status: 'complete', decrypted });
      const shown = await stowage(['show', first], { config, plain: true });
      expect(shown.text).toContain(said);
    }
  });

  test('cannot be replaced by a plain one: a plain set is read only with --accept-plain', async () => {
    const plain = await configFor(place, servers, root, { encryption: undefined });
    const made = await stowage(['backup', '--include-table', 'public.orders'], { config: plain });
    const { timestamp } = made.json;
    const cat = (...flags: string[]) =>
      stowage(['cat', timestamp, 'public.orders', ...flags], { config: restoreConfig });
    const refused = await cat();
    expect(refused.json.error.code, refused.text).toBe('encryption/plain-set');
    expect(refused.code).toBe(4);
    const restored = await restore(restoreConfig, timestamp, 'never');
    expect(restored.json.error).toMatchObject({ code: 'encryption/plain-set' });
    const accepted = await stowage(['cat', timestamp, 'public.orders', '--accept-plain'], {
      config: restoreConfig,
      plain: true,
    });
    expect(accepted.text.split('\n').length, accepted.text.slice(0, 200)).toBeGreaterThan(40_000);
    await stowage(['delete', timestamp, '--yes'], { config: plain });
  });

  test('is not the base of a backup without the digest key, which stores all rows and says why', async () => {
    const { digestKeyFile: _, ...section } = keys.section(false);
    const config = await configFor(place, servers, root, { encryption: section });
    const made = await stowage(['backup'], { config, plain: true });
    expect(made.text).toMatch(
      new RegExp(`stores all rows, because set ${first} .*encryption.digestKeyFile is not set`),
    );
    expect(made.text).not.toContain('carried');
    const checks = await stowage(['doctor'], { config });
    expect(checks.text).toContain('every backup stores all rows');
  });

  test('is the base of the next one, which stores only changed rows under a key of its own', async () => {
    await servers[0]?.psql(`UPDATE orders SET word = 'new' WHERE id = 1`, DATABASE);
    const second = await backup();
    expect(second.json.status, second.text).toBe('complete');
    // Long rows are stored again, as in every set.
    expect(second.json.carriedBytes).toBeGreaterThan(400_000);
    const restored = await restore(restoreConfig, second.json.timestamp, 'changed');
    expect(restored.json.status, restored.text).toBe('restored');
    for (const server of servers)
      expect(await databaseContents(server, 'changed')).toEqual(
        await databaseContents(server, DATABASE),
      );
  });
});
