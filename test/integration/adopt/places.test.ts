import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { withPlaces } from '../../../cli/adopt/files/open-places.ts';
import { inputOf } from '../../../cli/adopt/pgdump/input.ts';
import { Config } from '../../../cli/config/schema.ts';
import { openStore } from '../../../storage/open.ts';
import { GPBACKUP } from '../../support/adopt/gpbackup-fixtures.ts';
import { databasesOf } from '../../support/adopt/read-dump.ts';
import { failureOf, stowage, writeConfig } from '../../support/cli.ts';
import { STOWAGE } from '../../support/programs/programs.ts';
import { startPostgres } from '../../support/servers/postgres.ts';
import { hasSshd, type Sshd, startSshd } from '../../support/servers/sshd.ts';
import { type KeyFile, keyFile } from '../../support/servers/strict-s3/key-file.ts';
import { type StrictS3, startStrictS3 } from '../../support/servers/strict-s3/strict-s3.ts';

const DUMPS = [
  ['shop.dump', ['--format=custom']],
  ['shop.dir', ['--format=directory']],
  ['shop.tar', ['--format=tar']],
  ['shop.sql.gz', ['--compress=6']],
] as const;
const SQL = `CREATE TABLE t AS SELECT g AS id, repeat('x', g) AS v FROM generate_series(1, 2000) g;
  SELECT lo_from_bytea(1, 'abc')`;
const TIMESTAMP = '20260102030405';
const { signal } = new AbortController();
const run = promisify(execFile);

let folder: string;
let s3: StrictS3;
let keys: KeyFile;
let rows: string;
let configs = 0;

beforeAll(async () => {
  [folder, s3] = await Promise.all([mkdtemp(join(tmpdir(), 'stowage-places-')), startStrictS3()]);
  keys = await keyFile(s3);
  keys.rotate('KEY');
  for (const [name, value] of Object.entries(keys.env)) vi.stubEnv(name, value);
  await mkdir(join(folder, 'dumps'));
  const server = await startPostgres({ databases: ['shop'] });
  try {
    await server.psql(SQL, 'shop');
    const { host, port, user, binDir } = server;
    const env = { ...process.env, PGHOST: host, PGPORT: String(port), PGUSER: user };
    for (const [name, options] of DUMPS) {
      const args = [...options, '--file', join(folder, 'dumps', name), 'shop'];
      await run(join(binDir, 'pg_dump'), args, { env });
    }
    const copy = ['-X', '-d', 'shop', '-c', 'COPY t TO STDOUT'];
    rows = (await run(join(binDir, 'psql'), copy, { env, maxBuffer: 64e6 })).stdout;
  } finally {
    await server.stop();
  }
  await upload(join(folder, 'dumps'), `${s3.root}/a b/dumps`);
  await upload(join(folder, 'dumps'), s3.root);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await s3?.stop();
  await keys?.remove();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

async function upload(from: string, root: string): Promise<void> {
  const store = await openStore({ root, s3: { endpoint: s3.endpoint } });
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    await store.create(relative(from, path), await readFile(path));
  }
  await store.close();
}

const settings = (root: string, more = {}) => ({
  cluster: 'places',
  flavour: 'shards',
  root: `${s3.root}/${root}`,
  database: 'shop',
  segments: [{ content: 0, host: 'localhost', port: 5432 }],
  storage: { endpoint: s3.endpoint },
  functions: 'inline',
  ...more,
});

/** A configuration with a new root. */
async function configOf(more: object): Promise<string> {
  configs += 1;
  return writeConfig(join(folder, `${configs}.yaml`), settings(`roots/${configs}`, more));
}

/** Adopts into a new root, as a user does. @returns the rows of a table in the set. */
async function adopted(args: readonly string[], table: string, more = {}): Promise<string> {
  const config = await configOf(more);
  const done = await stowage(['adopt', ...args], { config, env: keys.env });
  expect(failureOf(done)).toBeUndefined();
  const cat = [STOWAGE, 'cat', done.json.timestamp, table, '--config', config];
  const env = { ...process.env, ...keys.env };
  return (await run(process.execPath, cat, { env, maxBuffer: 64e6 })).stdout;
}

async function expectRefused(path: string, message: string, more = {}): Promise<void> {
  const done = await stowage(['adopt', ...ofDump(path)], {
    config: await configOf(more),
    env: keys.env,
  });
  expect([done.code, done.json.error.message]).toEqual([expect.any(Number), message]);
}

const ofDump = (path: string) => ['pg_dump', path, '--timestamp', TIMESTAMP];

/** The rows that the reader finds in each dump of a place. */
async function rowsIn(place: string, more = {}): Promise<Record<string, string | undefined>> {
  const config = Config.parse(settings('none', more));
  return withPlaces({ config }, [place], async ([files]) => {
    if (files === undefined) throw new Error('no place was opened');
    const found: Record<string, string | undefined> = {};
    for (const [name] of DUMPS) {
      const [only] = await databasesOf(await inputOf(files, name, signal));
      found[name] = only?.rows['public.t id,v'];
    }
    return found;
  });
}

const ALL = () => Object.fromEntries(DUMPS.map(([name]) => [name, rows]));

describe('in a bucket', () => {
  test('a dump of each format is read, below a prefix and at the top', async () => {
    expect(await rowsIn(`${s3.root}/a b/dumps`)).toEqual(ALL());
    expect(await rowsIn(s3.root)).toEqual(ALL());
  });

  test('a directory of pg_dump becomes a set with its rows', async () => {
    expect(await adopted(ofDump(`${s3.root}/a b/dumps/shop.dir`), 'public.t')).toBe(rows);
  });

  test('a dump that is not there is named', async () => {
    const path = `${s3.root}/a b/none.dump`;
    const why = 'reading none.dump failed: the object does not exist (HTTP 404)';
    await expectRefused(path, `${path} cannot be read: ${why}`);
  });

  test('a set that the S3 plugin of gpbackup has stored becomes a set with its rows', async () => {
    const [name, timestamp] = ['gzip-s3', '20261129015653'];
    await upload(join(GPBACKUP, name), `${s3.root}/their/sets`);
    const args = (place: string) => ['gpbackup', place, '--timestamp', timestamp];
    const local = await adopted(args(join(GPBACKUP, name)), 'app.heap');
    expect(local.split('\n')).toHaveLength(101);
    expect(await adopted(args(`${s3.root}/their/sets`), 'app.heap')).toBe(local);
  });
});

const runnable = await hasSshd();
if (!runnable) process.stderr.write('not run: adoption over ssh (no /usr/sbin/sshd)\n');

describe.runIf(runnable)('on another host', () => {
  let sshd: Sshd;
  const more = () => ({ shippers: { command: [...sshd.ssh, 'stowage-segment-shipper'] } });

  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(() => sshd?.stop());

  test('a dump of each format is read', async () => {
    expect(await rowsIn(`localhost:${join(folder, 'dumps')}`, more())).toEqual(ALL());
  });

  test('a dump that is not there is named with the message of the host', async () => {
    const path = join(folder, 'none.dump');
    const why = `exit code 1: cat: ${path}: No such file or directory`;
    await expectRefused(`localhost:${path}`, `reading localhost:${path} failed: ${why}`, more());
  });

  test('what the login shell writes is neither data nor the reason of a failure', async () => {
    const shell = 'echo Welcome; echo Notice >&2; eval "$1"';
    const noisy = {
      shippers: { command: ['sh', '-c', shell, '{host}', 'stowage-segment-shipper'] },
    };
    expect(await rowsIn(`localhost:${join(folder, 'dumps')}`, noisy)).toEqual(ALL());
    const path = join(folder, 'none.dump');
    const why = `exit code 1: cat: ${path}: No such file or directory`;
    await expectRefused(`localhost:${path}`, `reading localhost:${path} failed: ${why}`, noisy);
  });

  test('a set of gpbackup in one file per segment becomes a set with its rows', async () => {
    const [name, timestamp] = ['single-data-file-local', '20261129015602'];
    const args = (place: string) => [
      ...['gpbackup', '--timestamp', timestamp],
      ...['gpseg-1', 'gpseg0', 'gpseg1'].map((part) => `${place}${join(GPBACKUP, name, part)}`),
    ];
    const local = await adopted(args(''), 'app.heap');
    expect(local.split('\n')).toHaveLength(101);
    expect(await adopted(args('localhost:'), 'app.heap', more())).toBe(local);
  });
});
