import { expect, test } from 'vitest';
import { judgeDump } from '../judge.ts';
import type { RawEntry, RawToc } from './raw-toc.ts';
import { int, writeToc } from './write-toc.ts';

const ENTRY: RawEntry = {
  id: 1,
  hasDumper: 1,
  tableOid: '0',
  oid: '16384',
  tag: 't',
  kind: 'TABLE DATA',
  section: 3,
  definition: undefined,
  drop: undefined,
  copy: undefined,
  schema: 'public',
  tablespace: undefined,
  accessMethod: undefined,
  relkind: 0,
  owner: 'shop',
  withOids: 'false',
  dependsOn: [],
  hasData: true,
  file: undefined,
};
const TOC: RawToc = {
  minor: 12,
  compression: 'none',
  createdAt: '20260131120000',
  time: [0, 0, 12, 31, 0, 126, 0],
  database: 'shop',
  serverVersion: '17.5',
  dumpVersion: '17.5',
  entries: [ENTRY],
};

/** A table of contents of the directory format: its entries name files. */
function directoryToc(entry: RawEntry, file: string): Buffer {
  const whole = Buffer.from(writeToc({ ...TOC, entries: [entry] }, [entry]));
  const name = Buffer.from(file, 'latin1');
  whole[10] = 5;
  // Behind the dependencies: the file instead of a flag and an offset.
  return Buffer.concat([whole.subarray(0, -9), int(name.length), name]);
}

/** What is wrong with a directory archive of these files. */
async function problemsIn(toc: Buffer, data: Readonly<Record<string, string>>): Promise<string[]> {
  async function* open(name: string) {
    yield name === 'toc.dat' ? toc : Buffer.from(data[name] ?? '');
  }
  const names = new Set(['toc.dat', ...Object.keys(data)]);
  const input = { name: 'dump', open: () => open('toc.dat'), files: { names, open } };
  return (await judgeDump(input)).problems.map(({ message }) => message);
}

/** What is wrong with a directory archive of one table. */
const problemsOf = (rows: string, copy?: string) =>
  problemsIn(directoryToc({ ...ENTRY, copy }, '16384.dat'), { '16384.dat': rows });

const ROWS = 'INSERT INTO public.t (a) VALUES (1);\nINSERT INTO public.t (a) VALUES (2);\n';

test('the file of a table with INSERT statements must have its end', async () => {
  expect(await problemsOf(`${ROWS}\n\n`)).toEqual([]);
  // Of a table without rows.
  expect(await problemsOf('\n\n')).toEqual([]);
  const cut = [expect.stringContaining('the rows of public.t: it is cut off')];
  expect(await problemsOf(ROWS)).toEqual(cut);
  expect(await problemsOf(ROWS.slice(0, 37))).toEqual(cut);
  expect(await problemsOf('')).toEqual(cut);
});

test('the file of a table with rows of COPY must have its end', async () => {
  const copy = 'COPY public.t (a) FROM stdin;\n';
  expect(await problemsOf('1\n2\n\\.\n\n\n', copy)).toEqual([]);
  expect(await problemsOf('1\n2\n', copy)).toHaveLength(1);
  expect(await problemsOf('', copy)).toHaveLength(1);
});

test('the list of large objects must name every file of one', async () => {
  const toc = directoryToc({ ...ENTRY, kind: 'BLOBS', tag: 'BLOBS' }, 'blobs.toc');
  const objects = { 'blob_4711.dat': 'one', 'blob_4712.dat': 'two' };
  const whole = '4711 blob_4711.dat\n4712 blob_4712.dat\n';
  expect(await problemsIn(toc, { ...objects, 'blobs.toc': whole })).toEqual([]);
  for (const list of ['', '4711 blob_4711.dat\n'])
    expect(await problemsIn(toc, { ...objects, 'blobs.toc': list })).toEqual([
      expect.stringMatching(/^no list of large objects names blob_471[12].dat/),
    ]);
});
