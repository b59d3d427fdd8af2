import { cp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { asSource } from '../../../cli/adopt/gpcrondump/as-source.ts';
import { readToc } from '../../../database/objects/toc.ts';
import { asWritten, expectedRows, GPCRONDUMP, SOUND } from '../../support/adopt/fixtures.ts';
import { copyOf, judged, problemsOf } from './judged.ts';

const expected = await expectedRows();

describe.each(SOUND)('the sound set %s', (name, timestamp) => {
  test('has the rows that were counted when it was made, and an archive that can be read', async () => {
    const set = await judged(join(GPCRONDUMP, name), timestamp);
    expect(set.problems).toEqual([]);
    for (const { file, sections } of set.segments) {
      const rows = sections.map((section) => [asWritten(section), section.rows] as const);
      expect(Object.fromEntries(rows)).toEqual(expected(name, file));
    }
    const source = await asSource(set);
    const archive = source.metadata.find(({ file }) => file === 'schema.dump');
    const entries = await Array.fromAsync(
      readToc(only(archive?.bytes ?? new Uint8Array()), 'schema.dump'),
    );
    const tables = new Set(
      entries.filter(({ kind }) => kind === 'TABLE').map(({ name: table }) => table),
    );
    // Every table with rows is in the archive, by itself or as a partition of its root.
    for (const relation of source.contents.flatMap(({ relations }) => relations)) {
      const root = source.partitionRoots.get(JSON.stringify([relation.schema, relation.name]));
      expect(tables).toContain((root ?? relation).name);
    }
  });
});

async function* only<T>(value: T): AsyncGenerator<T> {
  yield value;
}

describe('sets that gpcrondump calls successful, or failed', () => {
  test.each([
    [
      'v43-diskfull-reported-success',
      '20261129020005',
      ['gp_dump_0_3_20261129020005.gz: it is cut off: its gzip stream has no end'],
    ],
    [
      'v43-failed-segment',
      '20261129015906',
      [
        'gp_dump_20261129015906.rpt: it does not end with "finished successfully"',
        'gp_dump_0_3_20261129015906.gz: the report says that it failed: SQL command failed',
        expect.stringMatching(/^gp_dump_status_0_3_20261129015906: SQL command failed/),
        expect.stringMatching(/^gp_dump_0_3_20261129015906.gz: it is cut off/),
      ],
    ],
    [
      'v43-diskfull-all',
      '20261129015935',
      expect.arrayContaining([
        'gp_dump_20261129015935.rpt: it is empty, or names no dump: gpcrondump was stopped',
      ]),
    ],
  ])('%s is unsound', async (name, timestamp, problems) => {
    const found = await problemsOf(join(GPCRONDUMP, name), timestamp);
    expect(found.map(({ file, message }) => `${file}: ${message}`)).toEqual(problems);
  });

  test('INSERT statements of gp_dump -D are rows, and gp_dump -a has no definitions', async () => {
    const place = join(GPCRONDUMP, 'v43-gp_dump-inserts');
    const inserts = await rowsOf(await judged(place, '20261129015221'));
    expect(inserts['hr.orders id,cust']).toEqual([
      '1\thr1\n3\thr3\n5\thr5\n7\thr7\n9\thr9\n',
      '2\thr2\n4\thr4\n6\thr6\n8\thr8\n10\thr10\n',
    ]);
    expect(inserts['hr.with_oids id,v']?.[0]).toBe('1\to1\n3\to3\n5\to5\n');
    const data = await judged(place, '20261129015224');
    expect((await asSource(data)).source.leftOut).toEqual([
      { kind: 'definitions', name: '(gp_dump -a)' },
    ]);
    const rows = (await rowsOf(data))['Sales Dept.Order Items Item No,select,naïve "col'];
    expect(rows?.map((text) => text.split('\n').length - 1)).toEqual([20, 20]);
  });

  async function rowsOf(set: Awaited<ReturnType<typeof judged>>) {
    const found: Record<string, string[]> = {};
    for (const content of (await asSource(set)).contents)
      for await (const part of content.read(new AbortController().signal)) {
        if ('file' in part) continue;
        const rows = Buffer.concat(await Array.fromAsync(part.rows)).toString();
        const key = `${part.schema}.${part.name} ${part.columns.join()}`;
        found[key] = [...(found[key] ?? []), rows];
      }
    return found;
  }
});

describe('a sound set that was damaged', () => {
  const [NAME, TS] = ['v43-full-plain', '20261129014844'];
  const SEGMENT = `seg1/db_dumps/20261129/gp_dump_0_3_${TS}`;
  const MASTER = `master/db_dumps/20261129/gp_dump_1_1_${TS}`;

  async function damaged(damage: (at: (file: string) => string) => Promise<unknown>) {
    const place = await copyOf(NAME);
    await damage((file) => join(place, file));
    return (await problemsOf(place, TS)).map(({ file, message }) => `${file}: ${message}`);
  }

  const changed = (text: (before: string) => string, file = SEGMENT) =>
    damaged(async (at) => {
      const before = await readFile(at(file), 'latin1');
      await writeFile(at(file), text(before), 'latin1');
    });

  test('by cutting off one byte is unsound', async () => {
    const problems = await damaged(async (at) => {
      const { length } = await readFile(at(SEGMENT));
      // The last bytes are blank lines.
      await truncate(at(SEGMENT), length - 3);
    });
    expect(problems.join('\n')).toContain(`gp_dump_0_3_${TS}: `);
  });

  test('by cutting it off at any line is unsound', async () => {
    const whole = await readFile(join(GPCRONDUMP, NAME, SEGMENT), 'latin1');
    const lines = whole.split('\n');
    for (const kept of [1, 20, 60, 200, lines.length - 4]) {
      const problems = await changed(() => `${lines.slice(0, kept).join('\n')}\n`);
      expect(problems.length, `${kept} lines`).toBeGreaterThan(0);
    }
  });

  test('by removing a file is unsound', async () => {
    const problems = await damaged((at) => rm(at(SEGMENT)));
    expect(problems).toContain(`gp_dump_0_3_${TS}: the report names this file, and it is missing`);
  });

  test("by the dump of another segment under this segment's name is unsound", async () => {
    const problems = await damaged((at) =>
      cp(at(`seg0/db_dumps/20261129/gp_dump_0_2_${TS}`), at(SEGMENT)),
    );
    expect(problems.join('\n')).toContain('it holds the same rows as');
  });

  test('by removing a table from one segment is unsound', async () => {
    const problems = await changed((text) =>
      text.replace(/COPY orders \(id, [\s\S]*?\n\\\.\n/, ''),
    );
    expect(problems.join('\n')).toContain('it lacks table hr.orders, which another segment has');
  });

  test('by rows in the dump of the master is unsound', async () => {
    const problems = await changed(
      (text) => text.replace('COPY wide (id, t) FROM stdin;\n', '$&1\tx\n'),
      MASTER,
    );
    expect(problems).toEqual([`gp_dump_1_1_${TS}: it holds rows of hr.wide`]);
  });

  test('by converted line ends is unsound', async () => {
    const problems = await changed((text) => text.replaceAll('\n', '\r\n'));
    expect(problems.join('\n')).toContain('line ends were converted');
  });

  test('by SQL that gp_dump does not write is unsound', async () => {
    const problems = await changed((text) =>
      text.replace('\nCOPY ', '\nDROP TABLE hr.wide;\nCOPY '),
    );
    expect(problems).toEqual([`gp_dump_0_3_${TS}: it holds "DROP TABLE hr.wide;"`]);
  });

  test('by a dump that the report does not name is unsound', async () => {
    const problems = await damaged((at) =>
      cp(at(SEGMENT), at(`seg1/db_dumps/20261129/gp_dump_0_4_${TS}`)),
    );
    expect(problems).toEqual([`gp_dump_0_4_${TS}: the report does not name this dump`]);
  });
});

describe('a set in LATIN1', () => {
  const [NAME, TS] = ['v43-full-plain', '20261129014844'];
  const SEGMENTS = [
    `seg0/db_dumps/20261129/gp_dump_0_2_${TS}`,
    `seg1/db_dumps/20261129/gp_dump_0_3_${TS}`,
  ];
  const inLatin1 = (text: string) =>
    text.replace("client_encoding = 'UTF8'", "client_encoding = 'LATIN1'").replaceAll('Ã¯', 'ï');

  async function converted(files: readonly string[]) {
    const folder = await copyOf(NAME);
    for (const file of files) {
      const path = join(folder, file);
      await writeFile(path, inLatin1(await readFile(path, 'latin1')), 'latin1');
    }
    return judged(folder, TS);
  }

  test('has its names decoded, and its encoding for the rows', async () => {
    const set = await converted([`master/db_dumps/20261129/gp_dump_1_1_${TS}`, ...SEGMENTS]);
    expect(set.problems).toEqual([]);
    const source = await asSource(set);
    expect(source.encoding).toBe('LATIN1');
    const items = source.contents[0]?.relations.find(({ name }) => name === 'Order Items');
    expect(items?.columns).toEqual(['Item No', 'select', 'naïve "col']);
  });

  test('is unsound when one segment has another encoding', async () => {
    const { problems } = await converted(SEGMENTS.slice(0, 1));
    expect(problems.map(({ message }) => message).join('\n')).toContain(
      "its encoding is LATIN1, and that of the master's dump is UTF8",
    );
  });
});

test('passwords of roles are not taken from the globals', async () => {
  const [NAME, TS] = ['v43-full-gzip', '20261129014754'];
  const folder = await copyOf(NAME);
  const path = join(folder, `master/db_dumps/20261129/gp_global_1_1_${TS}`);
  const text = await readFile(path, 'utf8');
  const withPassword = text.replace('DB LOGIN RES', "DB LOGIN PASSWORD 'md5secret' RES");
  expect(withPassword).not.toBe(text);
  await writeFile(path, withPassword);
  const source = await asSource(await judged(folder, TS));
  expect(source.source.leftOut).toEqual([
    { kind: 'password', name: 'app_owner' },
    { kind: 'gphdfs right', name: 'gp4' },
  ]);
  const globals = source.metadata.find(({ file }) => file === 'globals.sql.zst');
  const stored = zstdDecompressSync(globals?.bytes ?? Buffer.alloc(0)).toString();
  expect(stored).toContain('CREATE ROLE app_owner;');
  expect(stored).not.toContain('md5secret');
  expect(stored).not.toContain('gphdfs');
});

describe('a set with gzip that was damaged', () => {
  const [NAME, TS] = ['v43-full-gzip', '20261129014754'];
  const SEGMENT = `seg0/db_dumps/20261129/gp_dump_0_2_${TS}.gz`;

  test.each([
    ['zero bytes behind its end', Buffer.alloc(512), 'bytes follow the end of its gzip stream'],
    ['other bytes behind its end', Buffer.from('garbage'), 'its gzip stream is damaged'],
  ])('by %s is unsound', async (_, more, message) => {
    const folder = await copyOf(NAME);
    const path = join(folder, SEGMENT);
    await writeFile(path, more, { flag: 'a' });
    const problems = await problemsOf(folder, TS);
    expect(problems).toMatchObject([{ content: 0, message: expect.stringContaining(message) }]);
  });
});
