import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import type { ConnectionTarget, HeldSnapshot } from '../../../database/flavour.ts';
import { chooseEntries } from '../../../database/objects/choice/choose.ts';
import { archiveEntry, describeEntry } from '../../../database/objects/choice/entries.ts';
import { listedIn, useList } from '../../../database/objects/choice/lists.ts';
import { readToc } from '../../../database/objects/toc.ts';
import { shardsFlavour } from '../../../database/shards/flavour.ts';
import { createDatabase } from '../../../database/target/database.ts';
import {
  dumpGlobals,
  dumpLargeObjects,
  dumpSchema,
  type ToolOutput,
} from '../../../database/tools/dump.ts';
import { findTool, startTool } from '../../../database/tools/process.ts';
import { restoreLargeObjects, restoreSchema } from '../../../database/tools/restore.ts';
import { restoreGlobals } from '../../support/restore-globals.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

const SOURCE = "ki'nds dbname=postgres \\";
let server: TestServer;
let held: HeldSnapshot;
let directory: string;
let source: ConnectionTarget;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stowage-tools-'));
  server = await startPostgres({ password: 'pa ss\\wo:rd', databases: [SOURCE] });
  await server.psql(await readFile(new URL('./sql/kinds.sql', import.meta.url), 'utf8'), SOURCE);
  await server.psql(
    'CREATE ROLE somebody LOGIN PASSWORD \'top secret\'; CREATE ROLE "a\'b"; GRANT "a\'b" TO somebody',
  );
  source = server.target(SOURCE);
  const flavour = shardsFlavour({
    segments: [{ content: 0, host: server.host, port: server.port }],
    connect: () => source,
  });
  held = await flavour.takeSnapshot({ selection: EVERYTHING, lockTimeoutMs: 500, attemptsMax: 5 });
});
afterAll(async () => {
  await held?.release();
  await server?.stop();
  await rm(directory, { recursive: true, force: true });
});

const snapshot = () => held.nodes[0]?.snapshotId ?? '';

async function saved(name: string, { stdout, done }: ToolOutput): Promise<string> {
  const file = join(directory, name);
  await pipeline(stdout, createWriteStream(file));
  await done;
  return file;
}

/**
 * pg_dump's own view of a database, without the random key it adds and the lines that name times.
 */
async function plainSchema(target: ConnectionTarget): Promise<string> {
  const tool = await startTool(target, 'pg_dump', { args: ['--schema-only', '--no-password'] });
  tool.stdin.end();
  const [text] = await Promise.all([textOf(tool.stdout), tool.done]);
  return text.replaceAll(/^\\(un)?restrict .*$/gm, '');
}

const entriesOf = async (file: string) =>
  (await Array.fromAsync(readToc(createReadStream(file), file))).map(archiveEntry);

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(stream)).toString();
}

const largeObjects = (database: string) =>
  server.psql(
    "SELECT m.oid, md5(lo_get(m.oid)), m.lomacl, obj_description(m.oid, 'pg_largeobject') FROM pg_largeobject_metadata m ORDER BY 1",
    database,
  );

describe('the schema', () => {
  it('is restored so that pg_dump prints the same, for databases with hostile names', async () => {
    const file = await saved('schema.dump', dumpSchema(source, snapshot()));
    const target = server.target("co'py \\ =");
    await createDatabase(target, { encoding: 'UTF8' });
    await restoreSchema(target, file, { section: 'pre-data' });
    await restoreSchema(target, file, { section: 'post-data', jobs: 2 });
    const [before, after] = await Promise.all([plainSchema(source), plainSchema(target)]);
    expect(after).toBe(before);
    expect(before).toContain('CREATE TRIGGER touching');
  });

  it('of chosen tables is restored with what they need, and can be used', async () => {
    const file = await saved('chosen.dump', dumpSchema(source, snapshot()));
    const entries = await entriesOf(file);
    const tables = [
      { schema: 's.1"x', name: "t'b\\l\ne" },
      { schema: 's.1"x', name: 'leaf' },
    ];
    const { made, tried, leftOut } = chooseEntries(entries, { only: tables }, () => false);
    expect(tried).toEqual([]);
    expect(leftOut.map(({ entry }) => describeEntry(entry))).toEqual([
      expect.stringContaining('FK CONSTRAINT'),
    ]);
    const list = (section: 'pre-data' | 'post-data') =>
      useList(listedIn(entries, section, (entry) => made.includes(entry)));
    const target = server.target('chosen');
    await createDatabase(target, { encoding: 'UTF8' });
    await restoreSchema(target, file, {
      section: 'pre-data',
      list: list('pre-data'),
      noOwner: true,
    });
    await restoreSchema(target, file, { section: 'post-data', list: list('post-data'), jobs: 2 });
    const insert = `INSERT INTO public.parts VALUES (1, '2026-01-01'); INSERT INTO "s.1""x"."t'b\\l\ne" (b) VALUES (7) RETURNING a`;
    expect(await server.psql(insert, 'chosen')).toBe('1');
    expect(
      await server.psql("SELECT count(*) FROM pg_class WHERE relname = 'plain'", 'chosen'),
    ).toBe('0');
  });

  it('is not restored at all when its section fails, and the error names place and cause', async () => {
    const file = await saved('twice.dump', dumpSchema(source, snapshot()));
    const target = server.target('occupied');
    await createDatabase(target, { encoding: 'UTF8' });
    await server.psql('CREATE TABLE public.plain (a int)', 'occupied');
    await expect(restoreSchema(target, file, { section: 'pre-data' })).rejects.toMatchObject({
      code: 'database/tool',
      where: { content: 0 },
      message: expect.stringMatching(
        /pg_restore failed on content 0 .*exit code 1.*relation "plain" already exists/s,
      ) as string,
    });
    expect(
      await server.psql("SELECT count(*) FROM pg_class WHERE relname = 'nothing'", 'occupied'),
    ).toBe('0');
  });
});

describe('the globals', () => {
  it('contain every role and no password, and can be restored where the roles exist', async () => {
    const text = await textOf(dumpGlobals(source).stdout);
    expect(text).toContain(`CREATE ROLE "a'b"`);
    expect(text).not.toMatch(/PASSWORD|SCRAM|secret/);
    await server.psql('DROP ROLE somebody');
    await restoreGlobals(source, text);
    expect(await server.psql("SELECT pg_has_role('somebody', $$a'b$$, 'member')")).toBe('t');
  });
});

describe('the large objects', () => {
  it('are restored with rights and comments, and without any table', async () => {
    const file = await saved('large-objects.dump', dumpLargeObjects(source, snapshot()));
    const kinds = (await entriesOf(file)).map(({ kind }) => kind);
    expect(kinds).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^BLOB( METADATA)?$/),
        'BLOBS',
        'COMMENT',
        'ACL',
      ]),
    );
    expect(kinds.join()).not.toMatch(/TABLE|SEQUENCE/);
    const target = server.target('lobs');
    await createDatabase(target, { encoding: 'UTF8' });
    await restoreLargeObjects(target, file);
    expect(await largeObjects('lobs')).toBe(await largeObjects(SOURCE));
    await expect(restoreLargeObjects(target, file)).rejects.toMatchObject({
      code: 'database/tool',
    });
  });
});

describe('a program', () => {
  it('that is not installed is named with every folder searched', async () => {
    await expect(findTool('pg_dump', { binDir: '/nowhere' })).rejects.toMatchObject({
      code: 'database/tool',
      message: expect.stringContaining('pg_dump was not found in /nowhere') as string,
    });
    const { stdout, done } = dumpSchema({ ...source, binDir: '/nowhere' }, snapshot());
    await expect(textOf(stdout)).rejects.toMatchObject({ code: 'database/tool' });
    await expect(done).rejects.toMatchObject({ code: 'database/tool' });
  });

  it('that fails is an error, not the end of its output', async () => {
    const { stdout, done } = dumpSchema(source, '00000000-00000000-1');
    await Promise.allSettled([textOf(stdout)]);
    await expect(done).rejects.toMatchObject({
      code: 'database/tool',
      message: expect.stringContaining('snapshot') as string,
    });
    const wrong = dumpSchema({ ...source, password: 'not this' }, snapshot());
    await Promise.allSettled([textOf(wrong.stdout)]);
    await expect(wrong.done).rejects.toMatchObject({
      message: expect.not.stringContaining('not this') as string,
    });
  });

  it('lets the planner of a Greenplum use the indexes of the catalogs', async () => {
    const binDir = await mkdtemp(join(directory, 'bin-'));
    await writeFile(join(binDir, 'pg_dump'), '#!/bin/sh\necho "$PGOPTIONS"\n', { mode: 0o755 });
    // PostgreSQL accepts no utility session.
    const ordinary = { greenplum: 6 as const, ordinaryOnly: true as const };
    const { stdout, done } = dumpSchema({ ...source, binDir, ...ordinary }, undefined);
    const options = await textOf(stdout);
    expect(options).toMatch(/ -c enable_seqscan=off$/m);
    expect(options).toContain(' -c track_counts=off');
    await done;
    const other = dumpSchema({ ...source, binDir }, undefined);
    expect(await textOf(other.stdout)).not.toMatch(/enable_seqscan|track_counts/);
    await other.done;
  });

  it('is terminated by the abort signal', async () => {
    const controller = new AbortController();
    const tool = await startTool(source, 'psql', {
      args: ['--no-psqlrc', '-c', 'SELECT pg_sleep(600)'],
      signal: controller.signal,
    });
    controller.abort();
    await expect(tool.done).rejects.toMatchObject({ code: 'interrupted' });
  });

  it('ends when its reader stops early', async () => {
    const { stdout, done } = dumpSchema(source, snapshot());
    for await (const _ of stdout) break;
    await done.catch(() => {});
    expect(stdout.destroyed).toBe(true);
  });
});
