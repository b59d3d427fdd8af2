import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { filesOfFolder } from '../../../cli/adopt/files/folder.ts';
import { asSource } from '../../../cli/adopt/gpbackup/as-source.ts';
import { readSet } from '../../../cli/adopt/gpbackup/read-set.ts';
import { UnsoundSet } from '../../../cli/adopt/set-problem.ts';
import { readToc } from '../../../database/objects/toc.ts';
import { GPBACKUP, GPBACKUP_SETS } from '../../support/adopt/gpbackup-fixtures.ts';

const { signal } = new AbortController();
const copies: string[] = [];

afterEach(async () => {
  for (const folder of copies.splice(0)) await rm(folder, { recursive: true, force: true });
});

const judged = (folder: string, timestamp: string) =>
  readSet([filesOfFolder(folder)], timestamp, signal);

async function problemsOf(folder: string, timestamp: string): Promise<string[]> {
  const named = (problems: UnsoundSet['problems']) =>
    problems.map(({ file, message }) => `${file}: ${message}`);
  try {
    return named((await judged(folder, timestamp)).problems);
  } catch (error) {
    if (error instanceof UnsoundSet) return named(error.problems);
    throw error;
  }
}

async function copyOf(set: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-gpbackup-'));
  copies.push(folder);
  await cp(join(GPBACKUP, set), folder, { recursive: true });
  return folder;
}

async function* only<T>(value: T): AsyncGenerator<T> {
  yield value;
}

/** Of fix.sql. */
const TABLES = ['heap', 'ao_row', 'ao_col', 'parts', 'parts_ao', 'repl', 'rand', 'kinds', 'ser'];

describe.each(GPBACKUP_SETS)('the set %s %s', (name, timestamp, aoRows) => {
  test('is sound, and has the rows that its source had', async () => {
    const set = await judged(join(GPBACKUP, name), timestamp);
    expect(set.problems).toEqual([]);
    const source = await asSource(set);
    const rows: Record<string, number> = {};
    for (const { relations } of source.contents)
      for (const { schema, name: table, rows: count } of relations) {
        const of = source.partitionRoots.get(JSON.stringify([schema, table]))?.name ?? table;
        rows[of] = (rows[of] ?? 0) + count;
      }
    const expected = Object.fromEntries(TABLES.map((table) => [table, 100]));
    expect(rows).toEqual({ ...expected, ao_row: aoRows, empty: 0, 'Tab le': 100 });
    expect(source.replicated).toEqual(new Set(['["app","repl"]']));
  });

  test('has an archive with its objects, each with its owner', async () => {
    const source = await asSource(await judged(join(GPBACKUP, name), timestamp));
    const archive = source.metadata.find(({ file }) => file === 'schema.dump');
    const bytes = only(archive?.bytes ?? new Uint8Array());
    const entries = await Array.fromAsync(readToc(bytes, 'schema.dump'));
    const labels = entries.map((entry) => `${entry.section} ${entry.kind} ${entry.name}`);
    for (const wanted of [
      'pre-data DATABASE tiny',
      'pre-data SCHEMA Odd "Name"',
      'pre-data TYPE mood',
      'pre-data FUNCTION f(integer)',
      'pre-data TABLE Tab le',
      'pre-data VIEW v',
      'pre-data SEQUENCE OWNED BY ser_id_seq',
      'none COMMENT TABLE heap',
      'none ACL SCHEMA public',
      'post-data INDEX heap_name',
    ])
      expect(labels).toContain(wanted);
    const heap = entries.find(({ kind, name: table }) => kind === 'TABLE' && table === 'heap');
    expect(heap?.owner).toBe('gpadmin');
    const [sequences, globals] = ['sequences.sql.zst', 'globals.sql.zst'].map((file) =>
      zstdDecompressSync(
        source.metadata.find((one) => one.file === file)?.bytes ?? Buffer.alloc(0),
      ).toString(),
    );
    expect(sequences).toMatch(/setval.*ser_id_seq.*, 1\d\d, true/);
    expect(globals).toContain('CREATE ROLE gpadmin;');
  });
});

describe('a set that was damaged', () => {
  const [NAME, TS] = ['zstd-local', '20261129015610'];
  const AT = (file: string, segment = 'gpseg-1') => `${segment}/backups/20261129/${TS}/${file}`;
  const HEAP = AT(`gpbackup_0_${TS}_16407.zst`, 'gpseg0');

  async function damaged(damage: (at: (file: string) => string) => Promise<unknown>) {
    const folder = await copyOf(NAME);
    await damage((file) => join(folder, file));
    return problemsOf(folder, TS);
  }

  const changed = (file: string, text: (before: string) => string) =>
    damaged(async (at) => {
      const before = await readFile(at(file), 'utf8');
      expect(text(before)).not.toBe(before);
      await rm(at(file), { force: true });
      await writeFile(at(file), text(before));
    });

  test('by an empty report, as the S3 plugin stores one before a backup, is unsound', async () => {
    const problems = await changed(AT(`gpbackup_${TS}_report`), () => '');
    expect(problems).toEqual([
      `gpbackup_${TS}_report: it is empty: gpbackup was stopped before its end`,
    ]);
  });

  test.each([
    ['Failure', 'does not say "backup status: Success", but "Failure"'],
    ['Success but non-fatal errors occurred. See log file x for details.', 'but "Success but'],
  ])('by the status %s is unsound', async (status, message) => {
    const problems = await changed(AT(`gpbackup_${TS}_report`), (text) =>
      text.replace('backup status:         Success', `backup status:         ${status}`),
    );
    expect(problems.join()).toContain(message);
  });

  test('by a status in its configuration is unsound', async () => {
    const problems = await changed(AT(`gpbackup_${TS}_config.yaml`), (text) =>
      text.replace('status: Success', 'status: Failure'),
    );
    expect(problems.join()).toContain('its status is "Failure"');
  });

  test.each(['report', 'config.yaml', 'toc.yaml', 'metadata.sql'])(
    'by removing its %s is unsound',
    async (suffix) => {
      const problems = await damaged((at) => rm(at(AT(`gpbackup_${TS}_${suffix}`))));
      expect(problems).toContain(`gpbackup_${TS}_${suffix}: it is missing`);
    },
  );

  test('by removing the rows of a table on one segment is unsound', async () => {
    const problems = await damaged((at) => rm(at(HEAP)));
    expect(problems).toEqual([`gpbackup_0_${TS}_16407.zst: it is missing (rows of app.heap)`]);
  });

  test('by cutting off one byte of the rows is unsound', async () => {
    const problems = await damaged(async (at) => {
      const { length } = await readFile(at(HEAP));
      await truncate(at(HEAP), length - 1);
    });
    expect(problems.join()).toContain('it is cut off: its zstd stream has no end');
  });

  test('by bytes behind the rows is unsound', async () => {
    const problems = await damaged((at) => writeFile(at(HEAP), 'x', { flag: 'a' }));
    expect(problems.join()).toContain('bytes follow the end of its zstd stream');
  });

  test('by the rows of another segment is unsound', async () => {
    const problems = await damaged((at) =>
      cp(at(AT(`gpbackup_1_${TS}_16416.zst`, 'gpseg1')), at(HEAP.replace('16407', '16416'))),
    );
    expect(problems.join()).toMatch(/gpbackup has copied 100 rows of app.ao_row, and the files/);
  });

  test('by cutting off its definitions is unsound', async () => {
    const problems = await changed(AT(`gpbackup_${TS}_metadata.sql`), (text) => text.slice(0, -20));
    expect(problems.join()).toContain('it is cut off: INDEX heap_name ends at byte');
  });

  test('by rows that its table of contents does not name is unsound', async () => {
    const problems = await damaged((at) => cp(at(HEAP), at(HEAP.replace('16407', '9999'))));
    expect(problems.join()).toContain('does not name this file');
  });

  test('by rows that are not whole is unsound', async () => {
    const folder = await copyOf('no-compression-local');
    const timestamp = '20261129015613';
    const file = `gpbackup_0_${timestamp}_16407`;
    const path = join(folder, `gpseg0/backups/20261129/${timestamp}/${file}`);
    const { length } = await readFile(path);
    await truncate(path, length - 1);
    const problems = await problemsOf(folder, timestamp);
    expect(problems.join()).toMatch(/it is cut off inside row \d+ \(rows of app.heap\)/);
  });
});

describe('an increment', () => {
  const [NAME, FULL, SECOND] = ['incremental-local', '20261129015909', '20261129015919'];

  test('without its full set is unsound', async () => {
    const folder = await copyOf(NAME);
    for (const segment of ['gpseg-1', 'gpseg0', 'gpseg1'])
      await rm(join(folder, segment, 'backups/20261129', FULL), { recursive: true });
    const problems = await problemsOf(folder, SECOND);
    expect(problems).toContain(`gpbackup_${FULL}_config.yaml: it is missing`);
  });

  test('whose full set lacks the rows of a table that it needs is unsound', async () => {
    const folder = await copyOf(NAME);
    const file = `gpbackup_1_${FULL}_24659.gz`;
    await rm(join(folder, 'gpseg1/backups/20261129', FULL, file));
    const problems = await problemsOf(folder, SECOND);
    expect(problems).toEqual([`${file}: it is missing (rows of app.parts_ao_1_prt_a)`]);
  });
});

test('a single data file that is cut off names the tables that it lacks', async () => {
  const [NAME, TS] = ['single-data-file-local', '20261129015602'];
  const folder = await copyOf(NAME);
  const path = join(folder, `gpseg1/backups/20261129/${TS}/gpbackup_1_${TS}.gz`);
  const { length } = await readFile(path);
  await truncate(path, Math.floor(length / 2));
  const problems = await problemsOf(folder, TS);
  expect(problems.join()).toContain(`gpbackup_1_${TS}.gz: it is cut off`);
  expect(problems.join()).toContain('(rows of ');
});
