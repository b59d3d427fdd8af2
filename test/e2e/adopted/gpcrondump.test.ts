import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DOCUMENT_BYTES_MAX, decode } from '../../../backup-set/base/document.ts';
import { formatKey, setPrefix } from '../../../backup-set/base/keys.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { quoteQualified } from '../../../database/session/quote.ts';
import { asWritten, expectedRows, GPCRONDUMP } from '../../support/adopt/fixtures.ts';
import { postgresTables } from '../../support/adopt/postgres-tables.ts';
import { stowage, writeConfig } from '../../support/cli.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

/** Folder, timestamp and the dumps of the segments. */
const SETS = [
  ['v43-clean-oids-exclude', '20261129015112', ['gp_dump_0_2_', 'gp_dump_0_3_']],
  ['v43-odd-names', '20261129020526', ['gp_dump_0_2_', 'gp_dump_0_3_']],
  ['v5-full-plain', '20261129021714', ['gp_dump_0_2_', 'gp_dump_1_3_']],
] as const;

let place: Place;
let server: TestServer;
let root: string;
let config: string;

beforeAll(async () => {
  [place, server] = await Promise.all([directoryPlace(), startPostgres()]);
  root = place.newRoot();
  config = await writeConfig(join(place.folder, 'one-server.yaml'), {
    cluster: 'e2e',
    flavour: 'shards',
    root,
    database: 'shop',
    segments: [{ content: 0, host: server.host, port: server.port }],
    connection: { user: server.user, binDir: server.binDir },
    functions: 'inline',
  });
});

afterAll(async () => {
  await Promise.all([server?.stop(), place?.stop()]);
});

const adopt = (set: string, timestamp: string, ...more: string[]) =>
  stowage(['adopt', 'gpcrondump', join(GPCRONDUMP, set), '--timestamp', timestamp, ...more], {
    config,
  });

describe.each(SETS)('%s', (set, timestamp, dumps) => {
  test('is adopted, and restored into PostgreSQL with every row', async () => {
    const adopted = await adopt(set, timestamp);
    expect(adopted.code, adopted.text).toBe(0);
    expect(adopted.json).toMatchObject({ timestamp, status: 'complete' });
    const store = await place.open(root);
    const key = formatKey({ kind: 'manifest', timestamp });
    const bytes = await store.read(key, { bytesMax: DOCUMENT_BYTES_MAX });
    const manifest = decode(Manifest, { key, bytes });
    const database = set.replaceAll('-', '_');
    await server.psql(`CREATE DATABASE ${database}`, 'postgres');
    await server.psql(await postgresTables(store, manifest), database);
    const restored = await stowage(
      ['restore', timestamp, '--section', 'data', '--redirect-db', database],
      { config },
    );
    expect(restored.code, restored.text).toBe(0);
    const expected = await rowsOf(set, timestamp, dumps);
    const counts = manifest.relations.map(
      (relation) => `SELECT count(*) FROM ONLY ${quoteQualified(relation)};`,
    );
    const rows = (await server.psql(counts.join('\n'), database)).split('\n');
    const found = manifest.relations.map((one, at) => [asWritten(one), Number(rows[at])] as const);
    const withRows = Object.entries(expected).filter(([, count]) => count > 0);
    expect(Object.fromEntries(found.filter(([, count]) => count > 0))).toEqual(
      Object.fromEntries(withRows),
    );
  });
});

async function rowsOf(set: string, timestamp: string, dumps: readonly string[]) {
  const expected = await expectedRows();
  const files = await readdir(join(GPCRONDUMP, set), { recursive: true });
  const total: Record<string, number> = {};
  for (const dump of dumps) {
    const file = files.find((path) => path.includes(`/${dump}${timestamp}`));
    const rows = expected(set, file?.split('/').at(-1) ?? '');
    for (const [table, count] of Object.entries(rows)) total[table] = (total[table] ?? 0) + count;
  }
  return total;
}

test('rows that look like SQL, a footer or an end of data are restored as they were', async () => {
  const rows = await server.psql(
    `SELECT id || ' ' || coalesce(t, 'NULL') FROM public.nasty WHERE id IN (2, 7, 8, 10, 13, 14, 15)
     ORDER BY id`,
    'v43_clean_oids_exclude',
  );
  expect(rows).toBe(
    [
      '2 new\nline',
      '7 \\N',
      '8 NULL',
      '10 \\.',
      '13 line1\n\\.\nline3',
      '14 SET search_path = public, pg_catalog;\nCOPY x (a) FROM stdin;\n',
      '15 -- Greenplum Database database dump complete',
    ].join('\n'),
  );
});

test('verify proves an adopted set, and show says where it is from', async () => {
  const [, timestamp] = SETS[0];
  expect((await stowage(['verify', timestamp], { config })).code).toBe(0);
  const shown = await stowage(['show', timestamp], { config, plain: true });
  expect(shown.text).toContain('adopted from gpcrondump of Greenplum 4');
  expect(shown.text).toContain('not taken from the source: oids hr.with_oids');
});

test('a set that exists is not adopted again', async () => {
  const [set, timestamp] = SETS[0];
  const again = await adopt(set, timestamp);
  expect(again.code).toBe(4);
  expect(again.json.error).toMatchObject({ code: 'adopt/exists' });
});

describe('a set whose dump a full disk has cut off', () => {
  const [SET, TS] = ['v43-diskfull-reported-success', '20261129020005'];

  test('is refused with file and reason, and nothing is written', async () => {
    const refused = await adopt(SET, TS);
    expect(refused.code).toBe(3);
    expect(refused.json.error).toMatchObject({
      code: 'adopt/unsound',
      message: expect.stringContaining(`gp_dump_0_3_${TS}.gz: it is cut off`),
      where: { set: TS, content: 1 },
    });
    const keys = await Array.fromAsync((await place.open(root)).list(setPrefix(TS)));
    expect(keys).toEqual([]);
  });

  test('is taken with --partial as an incomplete set that names what it lacks', async () => {
    const taken = await adopt(SET, TS, '--partial');
    expect(taken.code, taken.text).toBe(3);
    expect(taken.json).toMatchObject({ status: 'incomplete' });
    expect(taken.json.failures).toMatchObject([{ content: 1, code: 'adopt/unsound' }]);
    expect(taken.json.problems.map(({ message }) => message).join('\n')).toContain('it is cut off');
  });
});
