import { execFile } from 'node:child_process';
import { open, rm, stat, truncate, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { formatKey, parseKey } from '../../backup-set/base/keys.ts';
import type { Manifest, ManifestPart } from '../../backup-set/documents/manifest.ts';
import { type CliResult, stowage } from '../support/cli.ts';
import { BANK, bankSql } from '../support/e2e/bank.ts';
import { configFor, DATABASE, databasesOf } from '../support/e2e/cluster.ts';
import { isEncryptedSuite } from '../support/e2e/encryption.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { readManifestParts } from '../support/manifest-parts.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';
import { bigTable } from '../support/trouble/trouble.ts';

const run = promisify(execFile);
const DIGEST = 'SELECT count(*), sum(hashtextextended(t::text, 0)) FROM big.lineitem t';
const LINEITEM = { schema: 'big', name: 'lineitem' };

let place: Place;
let source: TestServer[];
let target: TestServer[];
let [folder, config, elsewhere, timestamp] = ['', '', '', ''];
let manifest: Manifest;
let parts: ManifestPart[];

beforeAll(async () => {
  place = await directoryPlace();
  [source, target] = await Promise.all([
    startCluster(2, { databases: [DATABASE] }),
    startCluster(2),
  ]);
  for (const [content, server] of source.entries())
    for (const sql of [bankSql(content), ...bigTable(3, content)]) await server.psql(sql, DATABASE);
  const root = place.newRoot();
  folder = fileURLToPath(root);
  // So small that some packs hold rows of one table only.
  const backup = { packBytes: 128 * 1024, frameBytes: 64 * 1024 };
  config = await configFor(place, source, root, { backup });
  elsewhere = await configFor(place, target, root);
  timestamp = (await stowage(['backup'], { config })).json.timestamp;
  manifest = (await stowage(['show', timestamp], { config })).json.manifest;
  parts = await readManifestParts(folder, manifest);
  // cp -a keeps times to the nanosecond: in a directory store they are the ETags.
  await run('cp', ['-a', folder, `${folder}.pristine`]);
});
afterAll(async () => {
  await Promise.all([stopAll(source), stopAll(target)]);
  await place?.stop();
});
afterEach(async () => {
  await rm(folder, { recursive: true });
  await run('cp', ['-a', `${folder}.pristine`, folder]);
});

const command = (...args: string[]): Promise<CliResult> => stowage(args, { config: elsewhere });

/** A pack that holds only rows of the big table. */
function bigPack() {
  const id = manifest.relations.find(({ name }) => name === LINEITEM.name)?.id;
  const packs = parts.find(({ content }) => content === 1)?.packs ?? [];
  const found = packs.find(({ extents }) => extents.every(({ relation }) => relation === id));
  if (found === undefined) throw new Error('no pack holds only rows of the big table');
  return found;
}

async function flipByte(key: string, offset: number): Promise<void> {
  const file = await open(join(folder, key), 'r+');
  try {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, offset);
    await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, offset);
  } finally {
    await file.close();
  }
}

/** Checks that `validate` or `verify` reports a problem of a damaged set. */
async function finds(
  level: 'validate' | 'verify',
  problem: Record<string, unknown>,
): Promise<void> {
  const { code, json } = await command(level, timestamp);
  expect(json).toMatchObject({ status: 'damaged', level });
  expect(json.problems).toContainEqual(expect.objectContaining(problem));
  expect(code).toBe(3);
  expect((await command('list')).json.sets).toMatchObject([{ timestamp, status: 'damaged' }]);
}

/** Checks that a restore that verifies first is refused and creates not even a database. */
async function restoreRefuses(object: string): Promise<void> {
  const { code, json, text } = await command(
    'restore',
    timestamp,
    '--create',
    '--globals',
    '--verify',
  );
  expect([3, 4]).toContain(code);
  // The command itself proves the documents of an encrypted set, before it requests a restore.
  if (isEncryptedSuite && json.status === undefined) expect(json.error.code).toBe('set/damaged');
  else {
    expect(json.status).toBe('refused');
    expect(code).toBe(4);
  }
  expect(text).toContain(object);
  for (const server of target) expect(await databasesOf(server)).toEqual([]);
}

describe('a committed set in a directory', () => {
  test('passes validate and verify before it is damaged', async () => {
    expect((await command('validate', timestamp)).code).toBe(0);
    expect((await command('verify', timestamp)).code).toBe(0);
  });

  test('with one flipped byte fails validate because of its new time, and verify because of the byte', async () => {
    const { key: object, bytes } = bigPack();
    await flipByte(object, Math.floor(bytes / 2));
    await finds('validate', { code: 'etag-differs', content: 1, relation: LINEITEM, object });
    await finds('verify', { content: 1, relation: LINEITEM, object });
    await restoreRefuses(object);
  });

  test('with one flipped byte but unchanged size and time passes validate; verify and restore find the byte and say where', async () => {
    const { key: object, extents } = bigPack();
    const extent = extents[Math.floor(extents.length / 2)];
    if (extent === undefined) throw new Error('the pack has no extent');
    const path = join(folder, object);
    await flipByte(object, extent.offset + Math.floor(extent.length / 2));
    await run('touch', ['-r', join(`${folder}.pristine`, object), path]);
    const [{ mtimeNs }, before] = [
      await stat(path, { bigint: true }),
      await stat(join(`${folder}.pristine`, object), { bigint: true }),
    ];
    expect(mtimeNs).toBe(before.mtimeNs);

    expect((await command('validate', timestamp)).json).toMatchObject({
      status: 'complete',
      problems: [],
    });
    const { offset } = extent;
    await finds('verify', {
      code: 'digest-differs',
      content: 1,
      relation: LINEITEM,
      object,
      offset,
    });
    await restoreRefuses(object);
  });

  test('with one flipped byte fails a restore with --create, which loads no row of the damaged table, and one command restores it from a good copy', async () => {
    const { key: object, bytes } = bigPack();
    await flipByte(object, Math.floor(bytes / 2));
    await run('touch', ['-r', join(`${folder}.pristine`, object), join(folder, object)]);
    const { code, json } = await command('restore', timestamp, '--create');
    expect(code).toBe(3);
    expect(json.status).toBe('failed');
    expect(json.problems).toContainEqual(
      expect.objectContaining({ content: 1, relation: LINEITEM, object }),
    );
    expect(await target[1]?.psql('SELECT count(*) FROM big.lineitem', DATABASE)).toBe('0');
    expect((await command('restore', timestamp, '--create')).json.error.code).toBe(
      'restore/refused',
    );
    const copy = pathToFileURL(`${folder}.pristine`).href;
    const again = ['restore', timestamp, '--create', '--drop-unfinished', '--root', copy];
    expect((await command(...again)).json).toMatchObject({ status: 'restored', counted: true });
    for (const [content, server] of target.entries())
      expect(await server.psql(DIGEST, DATABASE)).toBe(
        await source[content]?.psql(DIGEST, DATABASE),
      );
    for (const server of target)
      for (const name of await databasesOf(server)) await server.psql(`DROP DATABASE ${name}`);
  });

  test('without one of its packs fails validate and verify, and cannot be restored', async () => {
    const { key: object } = bigPack();
    await unlink(join(folder, object));
    await finds('validate', { code: 'object-missing', content: 1, relation: LINEITEM, object });
    await finds('verify', { code: 'object-missing', content: 1, object });
    await restoreRefuses(object);
  });

  test('is made whole by repair from a good copy: what is missing at once, what is damaged with --replace-damaged', async () => {
    const { key: object, bytes } = bigPack();
    const copy = pathToFileURL(`${folder}.pristine`).href;
    const repair = (...flags: string[]) => command('repair', timestamp, '--from', copy, ...flags);
    const missing = { object, bytes, state: 'missing' };
    await unlink(join(folder, object));
    expect(await repair('--dry-run')).toMatchObject({ code: 3, json: { objects: [missing] } });
    expect(await repair()).toMatchObject({
      code: 0,
      json: { repaired: [missing], kept: [], lost: [], verdict: { status: 'complete' } },
    });
    await flipByte(object, Math.floor(bytes / 2));
    const damaged = { object, bytes, state: 'damaged' };
    expect(await repair()).toMatchObject({
      code: 3,
      json: { repaired: [], kept: [damaged], verdict: { status: 'damaged' } },
    });
    expect(await repair('--replace-damaged')).toMatchObject({
      code: 0,
      json: { repaired: [damaged], verdict: { status: 'complete' } },
    });
    expect((await command('list')).json.sets).toMatchObject([{ timestamp, status: 'complete' }]);
  });

  test('without one of its packs can still restore a table that has no rows in that pack', async () => {
    await unlink(join(folder, bigPack().key));
    const restore = await command(
      'restore',
      timestamp,
      '--create',
      '--include-table',
      `${BANK}.account`,
    );
    expect(restore.text).toContain('"status":"restored"');
    expect(restore.code).toBe(0);
    for (const server of target) {
      expect(await server.psql(`SELECT count(*) FROM ${BANK}.account`, DATABASE)).toBe('1000');
      await server.psql(`DROP DATABASE ${DATABASE}`);
    }
  });

  test('without one of its receipts fails validate, and cannot be restored', async () => {
    const pack = parseKey(bigPack().key);
    if (pack?.kind !== 'pack') throw new Error('not the key of a pack');
    const object = formatKey({ ...pack, kind: 'receipt' });
    await unlink(join(folder, object));
    await finds('validate', { code: 'receipt-missing', content: 1, object });
    await restoreRefuses(object);
  });

  test.each(['seal-part', 'manifest-part'] as const)(
    'with an altered %s fails validate, and cannot be restored',
    async (kind) => {
      const object = formatKey({ kind, timestamp, content: 1 });
      await flipByte(object, 200);
      await finds('validate', { code: 'documents-disagree', content: 1, object });
      await restoreRefuses(object);
    },
  );

  test('with a truncated metadata object fails validate and verify, and cannot be restored', async () => {
    const schema = parts[0]?.metadata.find(({ file }) => file === 'schema.dump');
    if (schema === undefined) throw new Error('the set has no schema');
    const { key: object, bytes } = schema;
    await truncate(join(folder, object), bytes - 10);
    await finds('validate', { code: 'size-differs', content: 0, object });
    await finds('verify', { content: 0, object });
    await restoreRefuses(object);
  });

  test('without its seal, or with a truncated manifest, fails validate and cannot be restored', async () => {
    const seal = formatKey({ kind: 'seal', timestamp });
    await unlink(join(folder, seal));
    await finds('validate', { object: seal });
    await restoreRefuses(seal);
    const object = formatKey({ kind: 'manifest', timestamp });
    await truncate(join(folder, object), 1_000);
    await finds('validate', { code: 'document-unreadable', object });
    const { code } = await command('restore', timestamp, '--create');
    expect([3, 4]).toContain(code);
    for (const server of target) expect(await databasesOf(server)).toEqual([]);
  });
});
