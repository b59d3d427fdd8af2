import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tableSizes } from '../../../database/catalog/table-sizes.ts';
import { openSession } from '../../../database/session/session.ts';
import { startTool } from '../../../database/tools/process.ts';
import { restoreSchema } from '../../../database/tools/restore.ts';
import { noProgress } from '../../../segment-shipper/deps.ts';
import { objectProgress } from '../../../segment-shipper/restore/schema/progress/object-progress.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

/** What making indexes weighs, on a real server and with a real pg_restore. No times. */

const PAGE = 8192;
const TABLES = `CREATE TABLE "big one" (id int NOT NULL, v text);
CREATE TABLE small (id int NOT NULL, big_id int);`;
const ROWS = `INSERT INTO "big one" SELECT i, repeat('x', 100) FROM generate_series(1, 20000) i;
INSERT INTO small SELECT i, i FROM generate_series(1, 100) i;`;
const OBJECTS = `ALTER TABLE "big one" ADD PRIMARY KEY (id);
CREATE INDEX big_v ON "big one" (v);
ALTER TABLE small ADD PRIMARY KEY (id);
ALTER TABLE small ADD CONSTRAINT to_big FOREIGN KEY (big_id) REFERENCES "big one";
CREATE FUNCTION noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER t AFTER UPDATE ON "big one" EXECUTE FUNCTION noop();`;

let server: TestServer;
let folder = '';
let archive = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-weights-'));
  archive = join(folder, 'schema.dump');
  server = await startPostgres({ databases: ['source', 'one', 'three'] });
  await server.psql(TABLES + OBJECTS, 'source');
  const args = ['--format=custom', '--schema-only', '--no-password'];
  const dump = await startTool(server.target('source'), 'pg_dump', { args });
  dump.stdin.end();
  await pipeline(dump.stdout, createWriteStream(archive));
  await dump.done;
});
afterAll(async () => {
  await server?.stop();
  if (folder !== '') await rm(folder, { recursive: true, force: true });
});

it.each([
  ['one', 1],
  ['three', 3],
])(
  'in database %s, %d connections make indexes that weigh what their tables have',
  async (database, jobs) => {
    const target = server.target(database);
    const common = { noOwner: true, noAcl: true, signal: AbortSignal.timeout(60_000) };
    await restoreSchema(target, archive, { ...common, section: 'pre-data' });
    await server.psql(ROWS, database);
    const sizeOf = async (name: string) =>
      Number(await server.psql(`SELECT pg_relation_size('"${name}"')`, database));
    const [big, small] = [await sizeOf('big one'), await sizeOf('small')];
    const progress = noProgress();
    const part = { section: 'post-data', list: undefined } as const;
    const onObject = await objectProgress(archive, part, progress, async (tables) => {
      const session = await openSession(target, {
        ...{ purpose: 'restore', applicationName: 'a test' },
      });
      try {
        return await tableSizes(session, tables);
      } finally {
        await session.close();
      }
    });
    // Two keys, an index, a foreign key, which reads both tables, and a trigger.
    const planned = 3 * big + 2 * small + 5 * PAGE;
    const seen: number[] = [];
    await restoreSchema(target, archive, {
      ...common,
      section: 'post-data',
      jobs,
      onError: 'continue',
      onObject: (made) => {
        onObject(made);
        expect(progress.objects).toMatchObject({ planned: 5, bytesPlanned: planned });
        seen.push(progress.objects?.bytesDone ?? -1);
      },
    });
    expect(seen).toHaveLength(5);
    expect(seen[0]).toBe(0);
    expect(seen.toSorted((a, b) => a - b)).toEqual(seen);
    expect(big).toBeGreaterThan(100 * small);
    // What has weight is made before the last line, except what that line begins.
    const last = seen.at(-1) ?? 0;
    expect(last).toBeLessThanOrEqual(planned - PAGE);
    // pg_restore makes foreign keys last.
    if (jobs === 1) expect(planned - last).toBe(PAGE + small + big);
  },
);
