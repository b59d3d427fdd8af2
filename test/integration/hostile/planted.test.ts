import { randomBytes } from 'node:crypto';
import { access, chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { instantOf, timestampOf } from '../../../backup-set/base/timestamps.ts';
import { lockForRestore } from '../../../database/target/restore-lock.ts';
import { hex } from '../../../frame/hex.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { type RunningAgent, startAgent } from '../../support/e2e/agents.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { readUntil } from '../../support/wait-for.ts';
import { orderFor, packsOf, plain, requestFor } from './planted.ts';

/**
 * An attacker that can create objects under the root, and so plants orders for a running agent.
 * Each order tries to make the file `marker` by a program of the server, or of the agent's host.
 */
const DATABASE = 'shop';

let place: Place;
let store: ObjectStore;
let server: TestServer;
let agent: RunningAgent;
let folder: string;
let marker: string;
let lastMs = 0;

beforeAll(async () => {
  place = await directoryPlace();
  folder = await mkdtemp(join(tmpdir(), 'stowage-planted-'));
  // The server runs as another user, which must be able to make the file.
  await chmod(folder, 0o777);
  marker = join(folder, 'marker');
  server = await startPostgres({ databases: [DATABASE] });
  await server.psql('CREATE TABLE plain (a int); INSERT INTO plain VALUES (1), (2)', DATABASE);
  await server.psql('CREATE SEQUENCE counter', DATABASE);
  const root = place.newRoot();
  store = await place.open(root);
  agent = await startAgent({ place, root, name: 'victim', serves: new Map([[0, server]]) });
});
afterAll(async () => {
  agent?.kill('SIGKILL');
  await agent?.ended;
  await server?.stop();
  await place?.stop();
  await rm(folder, { recursive: true, force: true });
});

afterEach(() => rm(marker, { force: true }));

/** SQL that makes the marker by a program of the server. */
const program = () => `COPY (SELECT 1) TO PROGRAM 'touch ${marker}'`;
const exists = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

async function putJson(key: string, value: unknown): Promise<void> {
  await store.create(key, Buffer.from(`${JSON.stringify(value)}\n`));
}

async function readJson(key: string): Promise<Record<string, unknown>> {
  const found = await readUntil(
    () => store.head(key),
    (object) => object !== undefined,
    30_000,
  );
  if (found === undefined) throw new Error(`${key} was not written: ${agent.log.join('\n')}`);
  const bytes = await store.read(key, { bytesMax: found.bytes });
  return JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>;
}

/** Every set has a second of its own. */
function newTimestamp(): string {
  lastMs = Math.max(Date.now() - 600_000, lastMs + 1000);
  return timestampOf(new Date(lastMs));
}

/** Plants a backup order, and returns the agent's report. */
async function backUp(order: Readonly<Record<string, unknown>>) {
  const timestamp = newTimestamp();
  await putJson(formatKey({ kind: 'backup-order', timestamp, content: 0 }), {
    ...orderFor(server, timestamp, DATABASE),
    ...order,
  });
  const report = await readJson(formatKey({ kind: 'backup-report', timestamp, content: 0 }));
  return { timestamp, report };
}

/** Plants a restore with one order, and returns the agent's receipt. */
async function restore(
  phase: 'pre-data' | 'data' | 'post-data' | 'analyze',
  order: Readonly<Record<string, unknown>>,
  database = DATABASE,
) {
  const now = new Date();
  const id = `${instantOf(now)}-${randomBytes(4).toString('hex')}`;
  const timestamp = newTimestamp();
  // An agent runs no order of a restore without the coordinator's lock: the attack comes amid one.
  await using locks = new AsyncDisposableStack();
  const lock = await lockForRestore(server.target(database), id, new AbortController().signal);
  locks.defer(() => lock.close());
  await putJson(
    formatKey({ kind: 'restore-request', restore: id }),
    requestFor(server, { id, timestamp, database, now }),
  );
  await putJson(formatKey({ kind: 'order', restore: id, phase, content: 0 }), {
    format: 'stowage/order',
    version: 1,
    id,
    timestamp,
    content: 0,
    phase,
    ...order,
  });
  return await readJson(formatKey({ kind: 'restore-receipt', restore: id, phase, content: 0 }));
}

/** Stores a metadata text as a shipper of a hostile segment host does. */
async function plant(file: 'globals.sql.zst' | 'sequences.sql.zst', text: string) {
  const timestamp = newTimestamp();
  const bytes = zstdCompressSync(Buffer.from(text));
  const key = formatKey({ kind: 'metadata', timestamp, content: 0, attempt: 1, file });
  await store.create(key, bytes);
  return { key, bytes: bytes.length, crc32: hex(crc32(bytes)) };
}

const preData = { mode: 'fill', encoding: 'UTF8', noOwner: false, relations: [] };
const postData = { mode: 'fill', noOwner: false, refresh: [] };

describe('a planted backup order', () => {
  test('cannot run a program by a condition, and the agent ships the whole table', async () => {
    const condition = `true) TO PROGRAM 'touch ${marker}' --`;
    const { report } = await backUp({ relations: [{ ...plain, condition }] });
    expect(report).toMatchObject({ status: 'shipped', relations: [{ relation: 0, rows: 2 }] });
    expect(await exists(marker)).toBe(false);
  });

  test('cannot ship a system catalog', async () => {
    const authid = { ...plain, schema: 'pg_catalog', name: 'pg_authid', columns: ['rolpassword'] };
    const { timestamp, report } = await backUp({ relations: [authid] });
    expect(report).toMatchObject({
      status: 'failed',
      failure: {
        code: 'database/denied',
        message: expect.stringContaining('pg_authid is a system catalog') as string,
      },
    });
    expect(await packsOf(store, timestamp)).toEqual([]);
  });

  test.each([
    ['a schema', () => ({ relations: [{ ...plain, schema: `x"; ${program()}; --` }] })],
    ['a table', () => ({ relations: [{ ...plain, name: `plain" TO STDOUT; ${program()}; --` }] })],
    [
      'a column',
      () => ({ relations: [{ ...plain, columns: [`a") TO STDOUT; ${program()}; --`] }] }),
    ],
    ['the encoding', () => ({ encoding: `UTF8'); ${program()}; --` })],
    ['the snapshot', () => ({ snapshotId: `x'; ${program()}; --` })],
    [
      'the snapshot of pg_dump',
      () => ({ relations: [], metadata: ['schema.dump'], snapshotId: `x'; ${program()}; --` }),
    ],
    [
      'the database',
      () => ({ metadata: ['schema.dump'], database: `dbname='${DATABASE}' options='-c x=y'` }),
    ],
  ])('cannot run SQL or change a connection by %s', async (_, order) => {
    expect((await backUp(order())).report).toMatchObject({ status: 'failed' });
    expect(await exists(marker)).toBe(false);
  });
});

describe('a planted restore order', () => {
  test.each([
    ['a command of psql', () => `CREATE ROLE planted;\n\\! touch ${marker}\n`],
    ['a command of psql behind a statement', () => `CREATE ROLE planted; \\! touch ${marker}\n`],
    ['a program of the server', () => `CREATE ROLE planted;\n${program()};\n`],
    ['a block of code', () => `CREATE ROLE planted;\nDO $$ BEGIN ${program()}; END $$;\n`],
  ])('cannot run globals with %s, and nothing of them runs', async (_, text) => {
    const globals = await plant('globals.sql.zst', text());
    const { key: object } = globals;
    expect(await restore('pre-data', { ...preData, globals })).toMatchObject({
      status: 'failed',
      problems: [
        { message: expect.stringMatching(`of the globals ${object} was refused`) as string },
      ],
    });
    expect(await exists(marker)).toBe(false);
    expect(await server.psql("SELECT FROM pg_roles WHERE rolname = 'planted'")).toBe('');
  });

  test.each([
    ['a command of psql', () => `\\! touch ${marker}`],
    ['a program of the server', () => `${program()};`],
    [
      'a query as the value',
      () => `SELECT pg_catalog.setval('"public"."counter"'::regclass, (SELECT 7), true);`,
    ],
  ])('cannot run sequences with %s, and no sequence is set', async (_, line) => {
    const first = `SELECT pg_catalog.setval('"public"."counter"'::regclass, 42, true);`;
    const sequences = await plant('sequences.sql.zst', `${first}\n${line()}\n`);
    expect(await restore('post-data', { ...postData, sequences })).toMatchObject({
      status: 'failed',
      problems: [
        {
          message: expect.stringMatching(
            `line 2 of the sequences ${sequences.key} was refused`,
          ) as string,
        },
      ],
    });
    expect(await exists(marker)).toBe(false);
    expect(await server.psql('SELECT last_value FROM counter', DATABASE)).toBe('1');
  });

  test.each([
    [
      'the encoding of a database',
      'pre-data',
      () => ({ ...preData, mode: 'create', encoding: `UTF8'; ${program()}; --` }),
    ],
    [
      'the locale of a database',
      'pre-data',
      () => ({
        ...preData,
        mode: 'create',
        locale: { provider: 'icu', collate: 'C', ctype: 'C', name: `x'; ${program()}; --` },
      }),
    ],
    [
      'the collation of a database',
      'pre-data',
      () => ({
        ...preData,
        mode: 'create',
        locale: { provider: 'libc', collate: `C'; ${program()}; --`, ctype: 'C' },
      }),
    ],
    [
      'a table to empty',
      'pre-data',
      () => ({
        ...preData,
        mode: 'truncate',
        relations: [{ schema: 'public', name: `plain"; ${program()}; --` }],
      }),
    ],
    ...(['schema', 'name', 'columns', 'encoding'] as const).map(
      (field) =>
        [
          `the ${field} of rows to load`,
          'data',
          () => {
            const { bytesEstimated: _, kind: __, ...table } = plain;
            const hostile = `a"; ${program()}; --`;
            const relation = { ...table, rows: 0, bytes: 0, extents: [] };
            const value = field === 'columns' ? [hostile] : hostile;
            return field === 'encoding'
              ? {
                  role: 'load',
                  mode: 'fill',
                  relations: [relation],
                  encoding: `UTF8'); ${program()}; --`,
                }
              : {
                  role: 'load',
                  mode: 'fill',
                  relations: [{ ...relation, [field]: value }],
                  encoding: 'UTF8',
                };
          },
        ] as const,
    ),
    [
      'a view to refresh',
      'post-data',
      () => ({ ...postData, refresh: [{ schema: 'public', name: `v"; ${program()}; --` }] }),
    ],
    [
      'a table to analyze',
      'analyze',
      () => ({ relations: [{ schema: `public"."plain"; ${program()}; --`, name: 'x' }] }),
    ],
  ] as const)('cannot run SQL by %s', async (_, phase, order) => {
    const creates = JSON.stringify(order()).includes('"create"');
    const into = creates ? `new ${randomBytes(3).toString('hex')}` : DATABASE;
    expect(await restore(phase, order(), into)).toMatchObject({ status: 'failed' });
    expect(await exists(marker)).toBe(false);
    expect(await server.psql('SELECT count(*) FROM plain', DATABASE)).toBe('2');
  });
});
