import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, crc32, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatKey, setPrefix } from '../../backup-set/base/keys.ts';
import { Manifest, type ManifestPart } from '../../backup-set/documents/manifest.ts';
import { relationDigest } from '../../cli/demo/digest.ts';
import type { ConnectionTarget } from '../../database/flavour.ts';
import { openSession } from '../../database/session/session.ts';
import { hex } from '../../frame/hex.ts';
import { binaryFrame, forgeBinary } from '../support/e2e/binary-frame.ts';
import { HOSTILE_ROLES, HOSTILE_TEXTS, withForged } from '../support/e2e/forged-part.ts';
import { schemaOf } from '../support/e2e/schema-of.ts';
import { readManifestParts } from '../support/manifest-parts.ts';
import { blocksOf } from '../support/page-blocks.ts';
import { STOWAGE } from '../support/programs/programs.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';
import { bigTable, smallTables, troubleSchema } from '../support/trouble/trouble.ts';

const run = promisify(execFile);
const PAGE = new URL('../../docs/restore-by-hand.md', import.meta.url);
const DATABASE = 'trouble';
/** A database name with every character that needs quoting. */
const RESTORED = `by "hand", it's = a\\b`;
const SHARDS = [0, 1] as const;
/** One of the tables, which a test stores in COPY BINARY. */
const BINARY = 'types.bits';
/** Neither is the default of a new server. */
const LOCALES = [
  "LC_COLLATE 'C' LC_CTYPE 'C'",
  "LOCALE_PROVIDER icu ICU_LOCALE 'de-u-co-phonebk'",
] as const;

let servers: TestServer[];
let home: string;
let timestamp: string;
let manifest: Manifest;
let parts: ManifestPart[];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'stowage-by-hand-'));
  // Two servers with data, two empty ones: roles belong to a server, so the set must restore them.
  servers = await startCluster(2 * SHARDS.length, {
    settings: { max_locks_per_transaction: '256' },
  });
  await Promise.all(
    SHARDS.map(async (content) => {
      await server(content).psql(
        `CREATE DATABASE ${DATABASE} TEMPLATE template0 ENCODING 'UTF8' ${LOCALES[content]}`,
      );
      const scripts = [
        ...troubleSchema({ content, rolePrefix: 'hand_' }),
        ...bigTable(9, content),
        ...smallTables(3, content),
      ];
      for (const sql of scripts) await server(content).psql(sql, DATABASE);
      await server(content).psql(HOSTILE_ROLES);
    }),
  );
  // Most rows of the second set lie in packs of the first.
  await backUp();
  await server(0).psql('INSERT INTO big.lineitem SELECT * FROM big.lineitem LIMIT 1', DATABASE);
  timestamp = await backUp();
  const path = join(home, 'root', setPrefix(timestamp), 'manifest.json');
  manifest = Manifest.parse(JSON.parse(await readFile(path, 'utf8')));
  expect(manifest.needs).toHaveLength(1);
  parts = await readManifestParts(join(home, 'root'), manifest);
  await writeFile(join(home, 'restore.sh'), await scriptOfPage());
  for (const content of SHARDS) await restoreByHand(content);
});

afterAll(async () => {
  await stopAll(servers);
  await rm(home, { recursive: true, force: true });
});

describe('the script of docs/restore-by-hand.md', () => {
  test.each(SHARDS)('restores every row of content %i', async (content) => {
    const [original, restored] = [await digests(source(content)), await digests(copy(content))];
    expect(original.size).toBeGreaterThan(60);
    expect(restored).toEqual(original);
  });

  test.each(SHARDS)('restores every definition of content %i', async (content) => {
    expect(await schemaOf(copy(content))).toBe(await schemaOf(source(content)));
  });

  test.each([
    ['sequences', 'SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2'],
    [
      'large objects',
      'SELECT loid, md5(string_agg(data, NULL ORDER BY pageno)) FROM pg_largeobject GROUP BY 1 ORDER BY 1',
    ],
    [
      'materialized views',
      'SELECT schemaname, matviewname, ispopulated FROM pg_matviews ORDER BY 1, 2',
    ],
    [
      'roles',
      "SELECT rolname, rolcanlogin, rolconnlimit, rolvaliduntil, rolconfig, shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname LIKE 'hand%' ORDER BY 1",
    ],
  ])('restores %s', async (_, query) => {
    for (const content of SHARDS) {
      const original = await server(content).psql(query, DATABASE);
      expect(original).not.toBe('');
      expect(await server(SHARDS.length + content).psql(query, RESTORED)).toBe(original);
    }
  });

  test.each(SHARDS)('restores the locale settings of content %i', async (content) => {
    const query =
      'SELECT datlocprovider, datcollate, datctype, daticulocale FROM pg_database WHERE datname = current_database()';
    const original = await server(content).psql(query, DATABASE);
    expect(original).not.toBe(await server(content).psql(query, 'postgres'));
    expect(await server(SHARDS.length + content).psql(query, RESTORED)).toBe(original);
  });

  test('creates planner statistics', async () => {
    const analysed = await server(SHARDS.length).psql(
      `SELECT count(*) FROM pg_statistic WHERE starelid = 'big.lineitem'::regclass`,
      RESTORED,
    );
    expect(Number(analysed)).toBeGreaterThan(10);
  });

  test('refuses a set with a flipped byte or a changed manifest part before it creates anything', async () => {
    const pack = parts[0]?.packs[0];
    if (pack === undefined) throw new Error('content 0 has no pack');
    const path = join(home, 'root', pack.key);
    const bytes = await readFile(path);
    const at = Math.floor(pack.bytes / 2);
    await writeFile(path, bytes.with(at, (bytes[at] ?? 0) ^ 1));
    await expect(restoreByHand(0, 'never')).rejects.toThrow(/1-\d-\d+\.pack is damaged/);
    await writeFile(path, bytes);
    const part = join(home, 'root', formatKey({ kind: 'manifest-part', timestamp, content: 0 }));
    const text = await readFile(part, 'utf8');
    await writeFile(part, text.replace('"rows":', '"rows":1'));
    await expect(restoreByHand(0, 'never')).rejects.toThrow(
      '0.json is not the one that the manifest names',
    );
    await writeFile(part, text);
    await expectNeverCreated();
  });

  test.each(HOSTILE_TEXTS)('refuses %s, and runs nothing of it', async (_, file, text) => {
    const bytes = zstdCompressSync(Buffer.from(text.replaceAll('MARKER', join(home, 'marker'))));
    await withForged(
      join(home, 'root'),
      timestamp,
      (forged) => {
        const stored = forged.metadata.find((one) => one.file === file);
        if (stored === undefined) throw new Error(`the set has no ${file}`);
        Object.assign(stored, { bytes: bytes.length, crc32: hex(crc32(bytes)) });
        return [stored.key, bytes];
      },
      // Everything before the sequences is restored, so only globals are refused at once.
      () => expect(restoreByHand(0, 'never')).rejects.toThrow(),
    );
    expect(await readdir(home)).not.toContain('marker');
    await server(SHARDS.length).psql('DROP DATABASE IF EXISTS never');
  });

  test('refuses rows with a line that would make psql read the rest as commands', async () => {
    const rows = Buffer.from(`\\.\n\\! touch ${join(home, 'marker')}\n`);
    const bytes = zstdCompressSync(rows, {
      params: { [constants.ZSTD_c_checksumFlag]: 1 },
    });
    await withForged(
      join(home, 'root'),
      timestamp,
      (forged) => {
        const [pack] = forged.packs;
        const [extent] = pack?.extents ?? [];
        if (pack === undefined || extent === undefined) throw new Error('content 0 has no pack');
        Object.assign(pack, { bytes: bytes.length, crc32: hex(crc32(bytes)), extents: [extent] });
        Object.assign(extent, { offset: 0, length: bytes.length });
        return [pack.key, bytes];
      },
      () => expect(restoreByHand(0, 'never')).rejects.toThrow(),
    );
    expect(await readdir(home)).not.toContain('marker');
    await server(SHARDS.length).psql('DROP DATABASE IF EXISTS never');
  });

  test('loads rows in COPY BINARY', async () => {
    const bytes = await binaryFrame(source(0), BINARY);
    const id = manifest.relations.find(({ schema, name }) => `${schema}.${name}` === BINARY)?.id;
    await withForged(
      join(home, 'root'),
      timestamp,
      (forged) => forgeBinary(forged, id, bytes),
      () => restoreByHand(0, 'in_binary', BINARY.split('.')),
    );
    const query = `SELECT * FROM ${BINARY} ORDER BY 1`;
    const restored = await server(SHARDS.length).psql(query, 'in_binary');
    expect(restored).not.toBe('');
    expect(restored).toBe(await server(0).psql(query, DATABASE));
  });

  test('quotes the encoding that a forged manifest names', async () => {
    await withForged(
      join(home, 'root'),
      timestamp,
      (forged) => {
        forged.encoding = `UTF8'; \\! touch ${join(home, 'marker')}\n--`;
        return undefined;
      },
      () => expect(restoreByHand(0, 'never')).rejects.toThrow(),
    );
    expect(await readdir(home)).not.toContain('marker');
    await expectNeverCreated();
  });
});

async function expectNeverCreated(): Promise<void> {
  const query = "SELECT FROM pg_database WHERE datname = 'never'";
  expect(await server(SHARDS.length).psql(query)).toBe('');
}

/** The page has one block of bash, which is the whole script. */
async function scriptOfPage(): Promise<string> {
  const page = await readFile(PAGE, 'utf8');
  const blocks = blocksOf(page, 'bash');
  expect(blocks).toHaveLength(1);
  const [script = ''] = blocks;
  expect(script).not.toMatch(/stowage |node |python/);
  return script;
}

/** Runs the command line, with packs so small that tables span several of them. */
async function backUp(): Promise<string> {
  const config = {
    root: `file://${join(home, 'root')}`,
    database: DATABASE,
    segments: SHARDS.map((content) => ({ content, host: '127.0.0.1', port: server(content).port })),
    connection: { user: server(0).user, binDir: server(0).binDir },
    backup: { frameBytes: 262_144, packBytes: 1_000_000 },
    shippers: { workers: 2 },
  };
  await run('mkdir', ['-p', join(home, 'root')]);
  await writeFile(join(home, 'stowage.yaml'), JSON.stringify(config));
  const { stdout } = await run(process.execPath, [
    STOWAGE,
    '--config',
    join(home, 'stowage.yaml'),
    '--json',
    'backup',
  ]);
  const result: unknown = JSON.parse(stdout);
  expect(result).toMatchObject({ status: 'complete' });
  return (result as { timestamp: string }).timestamp;
}

async function restoreByHand(
  content: number,
  database = RESTORED,
  table: readonly string[] = [],
): Promise<void> {
  const { host, port, user, binDir } = server(SHARDS.length + content);
  const args = [join(home, 'root'), timestamp, String(content), ...table];
  await run('bash', [join(home, 'restore.sh'), ...args], {
    env: {
      PATH: `${binDir}:/usr/bin:/bin`,
      LC_ALL: 'C.UTF-8',
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGDATABASE: database,
    },
  });
}

async function digests(target: ConnectionTarget): Promise<Map<string, string>> {
  const planned = parts.find(({ content }) => content === target.content);
  const session = await openSession(target, { purpose: 'probe', applicationName: 'stowage-test' });
  try {
    const found = new Map<string, string>();
    for (const { relation: id } of planned?.relations ?? []) {
      const relation = manifest.relations.find((one) => one.id === id);
      if (relation === undefined) throw new Error(`relation ${id} is not in the manifest`);
      const { rows, digest } = await relationDigest(session, relation);
      found.set(`${relation.schema}.${relation.name}`, `${rows} ${digest}`);
    }
    return found;
  } finally {
    await session.close();
  }
}

const source = (content: number) => server(content).target(DATABASE, content);
const copy = (content: number) => server(SHARDS.length + content).target(RESTORED, content);

function server(index: number): TestServer {
  const found = servers[index];
  if (found === undefined) throw new Error(`there is no server ${index}`);
  return found;
}
