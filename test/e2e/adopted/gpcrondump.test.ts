import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
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
import { blocksOf, sectionsOf } from '../../support/page-blocks.ts';
import { STOWAGE } from '../../support/programs/programs.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { type ShellResult, shell, substituted } from '../runbooks/page.ts';

const PAGE = new URL('../../../docs/migrating.md', import.meta.url);
/** The set of the page. */
const ON_PAGE = ['v43-clean-oids-exclude', '20261129015112'] as const;
/** Folder, timestamp and the dumps of the segments. */
const SETS = [
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
    const database = set.replaceAll('-', '_');
    await makeTables(timestamp, database);
    const restored = await stowage(
      ['restore', timestamp, '--section', 'data', '--redirect-db', database],
      { config },
    );
    expect(restored.code, restored.text).toBe(0);
    await expectRows(set, timestamp, { dumps, database });
  });
});

/** The tables of a set, in a new database of PostgreSQL. */
async function makeTables(timestamp: string, database: string): Promise<void> {
  await server.psql(`CREATE DATABASE ${database}`, 'postgres');
  const sql = await postgresTables(await place.open(root), await manifestOf(timestamp));
  await server.psql(sql, database);
}

async function manifestOf(timestamp: string): Promise<Manifest> {
  const store = await place.open(root);
  const key = formatKey({ kind: 'manifest', timestamp });
  return decode(Manifest, { key, bytes: await store.read(key, { bytesMax: DOCUMENT_BYTES_MAX }) });
}

async function expectRows(
  set: string,
  timestamp: string,
  { dumps, database }: { readonly dumps: readonly string[]; readonly database: string },
): Promise<void> {
  const [manifest, expected] = [await manifestOf(timestamp), await rowsOf(set, timestamp, dumps)];
  const counts = manifest.relations.map(
    (relation) => `SELECT count(*) FROM ONLY ${quoteQualified(relation)};`,
  );
  const rows = (await server.psql(counts.join('\n'), database)).split('\n');
  const found = manifest.relations.map((one, at) => [asWritten(one), Number(rows[at])] as const);
  const withRows = Object.entries(expected).filter(([, count]) => count > 0);
  expect(Object.fromEntries(found.filter(([, count]) => count > 0))).toEqual(
    Object.fromEntries(withRows),
  );
}

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

describe('docs/migrating.md', () => {
  const [set, timestamp] = ON_PAGE;
  let blocks: readonly string[];
  let adopted: ShellResult;
  const run = async (script: string, replaced: Readonly<Record<string, string>> = {}) => {
    const path = `${join(place.folder, 'bin')}:${server.binDir}:/usr/bin:/bin`;
    const config = { STOWAGE_CONFIG: join(place.folder, 'one-server.yaml') };
    return shell(substituted(script, replaced), place.folder, { PATH: path, ...config });
  };

  beforeAll(async () => {
    await mkdir(join(place.folder, 'bin'));
    const program = join(place.folder, 'bin', 'stowage');
    await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${STOWAGE}' "$@"\n`);
    await chmod(program, 0o755);
    const page = await readFile(PAGE, 'utf8');
    blocks = blocksOf(sectionsOf(page).get('From gpcrondump') ?? '', 'sh');
    const folder = join(GPCRONDUMP, set);
    adopted = await run(blocks[0] ?? '', {
      '/backup/mdw': join(folder, 'master'),
      '/backup/sdw1': join(folder, 'seg0'),
      '/backup/sdw2': join(folder, 'seg1'),
    });
  });

  test('adopts a set from the folders of master and segments, and says what it left out', () => {
    expect(adopted.code, adopted.text).toBe(0);
    expect(adopted.text).toContain('adopted from gpcrondump of Greenplum 4');
    expect(adopted.text).toContain('not taken from the source: oids hr.with_oids');
    expect(adopted.text).toContain(`set ${timestamp} is complete`);
  });

  test('shows and verifies it', async () => {
    const shown = await run(blocks[1] ?? '');
    expect(shown.code, shown.text).toBe(0);
    expect(shown.text).toContain('adopted from gpcrondump of Greenplum 4');
  });

  test('restores it into PostgreSQL, also rows that look like SQL or an end of data', async () => {
    await makeTables(timestamp, 'shop');
    const restored = await run(blocks.at(-1) ?? '', {
      'postgres.yaml': join(place.folder, 'one-server.yaml'),
    });
    expect(restored.code, restored.text).toBe(0);
    const dumps = ['gp_dump_0_2_', 'gp_dump_0_3_'];
    await expectRows(set, timestamp, { dumps, database: 'shop' });
    const rows = await server.psql(NASTY_SQL, 'shop');
    expect(rows).toBe(NASTY.join('\n'));
  });
});

const NASTY_SQL = `SELECT id || ' ' || coalesce(t, 'NULL') FROM public.nasty
  WHERE id IN (2, 7, 8, 10, 13, 14, 15) ORDER BY id`;
const NASTY = [
  '2 new\nline',
  '7 \\N',
  '8 NULL',
  '10 \\.',
  '13 line1\n\\.\nline3',
  '14 SET search_path = public, pg_catalog;\nCOPY x (a) FROM stdin;\n',
  '15 -- Greenplum Database database dump complete',
];

test('a set that exists is not adopted again', async () => {
  const [set, timestamp] = ON_PAGE;
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

test('a backup into the same root is not compared with the servers of adopted sets', async () => {
  const backedUp = await stowage(['backup'], { config });
  expect(backedUp.code, backedUp.text).toBe(0);
});
