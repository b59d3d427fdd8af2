import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tablesWithParts } from '../../../database/objects/choice/truncated.ts';
import { missingObjects } from '../../../database/objects/compare.ts';
import {
  type ArchiveObject,
  archiveObject,
  expectedOf,
  labelOf,
} from '../../../database/objects/expected.ts';
import { readToc } from '../../../database/objects/toc.ts';
import { openSession } from '../../../database/session/session.ts';
import { dumpSchema } from '../../../database/tools/dump.ts';
import { restoreSchema } from '../../../database/tools/restore.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

const SOURCE = 'source';
const TARGET = 'target';
let server: TestServer;
let folder: string;
let objects: ArchiveObject[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-objects-'));
  server = await startPostgres({ databases: [SOURCE, TARGET] });
  const sql = await readFile(new URL('./every-kind.sql', import.meta.url), 'utf8');
  await server.psql(sql, SOURCE);
  const archive = join(folder, 'schema.dump');
  const { stdout, done } = dumpSchema(server.target(SOURCE), undefined);
  await pipeline(stdout, createWriteStream(archive));
  await done;
  const toc = readToc(createReadStream(archive, { highWaterMark: 777 }), archive);
  objects = (await Array.fromAsync(toc)).map(archiveObject);
  for (const section of ['pre-data', 'post-data'] as const)
    await restoreSchema(server.target(TARGET), archive, { section });
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const loaded = () =>
  objects.filter(({ kind }) => kind === 'TABLE').map(({ schema, name = '' }) => ({ schema, name }));

async function missingIn(database: string, mode: 'create' | 'truncate', only = objects) {
  const chosen = mode === 'create' ? only : tablesWithParts(only, loaded());
  const expected = chosen.flatMap((object) => expectedOf(object) ?? []);
  const options = { purpose: 'probe', applicationName: 'test' } as const;
  const session = await openSession(server.target(database), options);
  try {
    const missing = await Array.fromAsync(missingObjects(session, expected));
    return missing.map(labelOf).sort();
  } finally {
    await session.close();
  }
}

test('every kind of entry that pg_dump writes is compared, but for security labels', () => {
  const unknown = objects.filter((object) => expectedOf(object) === undefined);
  expect(unknown.map(({ kind, name }) => `${kind} ${name}`)).toEqual([]);
  expect(new Set(objects.map(({ kind }) => kind)).size).toBeGreaterThan(45);
});

test('every object of the archive is missing in an empty database, but for those of every database', async () => {
  const missing = new Set(await missingIn('postgres', 'create'));
  const all = objects.flatMap((object) => expectedOf(object) ?? []).map(labelOf);
  const found = [...new Set(all)].filter((label) => !missing.has(label));
  // initdb gives it rights, too.
  expect(found).toEqual([expect.stringMatching(/^ACL on FUNCTION pg_ls_waldir\(/)]);
});

test('an object of every kind is found in the source and in a restored database', async () => {
  expect(await missingIn(SOURCE, 'create')).toEqual([]);
  expect(await missingIn(TARGET, 'create')).toEqual([]);
  expect(await missingIn(TARGET, 'truncate')).toEqual([]);
});

test('of two operators with one name, the one that is dropped is missing, and so are comments and rights', async () => {
  await server.psql(
    `DROP OPERATOR other.=== (other."Mood", int); COMMENT ON TABLE "my schema".parent IS NULL;
     REVOKE UPDATE (n) ON other.parent FROM "every kind"; DROP INDEX "my schema"."an index";
     ALTER SEQUENCE other.owned OWNED BY NONE; ALTER TABLE other.list DETACH PARTITION other.list_2`,
    TARGET,
  );
  expect(await missingIn(TARGET, 'create')).toEqual([
    'ACL on COLUMN parent.n (schema other)',
    'COMMENT on INDEX "an index" (schema my schema)',
    'COMMENT on TABLE parent (schema my schema)',
    'INDEX ATTACH other.list_2_pkey',
    'INDEX ATTACH other.list_2_t_idx',
    'INDEX my schema.an index',
    'OPERATOR other.===',
    'SEQUENCE OWNED BY other.owned',
    'TABLE ATTACH other.list_2',
  ]);
});
