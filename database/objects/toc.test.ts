import { expect, test } from 'vitest';
import { readArchiveHeader, readToc } from './toc.ts';

const int = (value: number) => Buffer.from([value < 0 ? 1 : 0, Math.abs(value), 0, 0, 0]);
const text = (value: Buffer | string | undefined) =>
  value === undefined
    ? int(-1)
    : Buffer.concat([int(Buffer.from(value).length), Buffer.from(value)]);

/** An archive as pg_dump 9.4 to 18 write it. */
function archive(
  minor: number,
  entries: readonly (readonly [string, string | Buffer, string])[],
  owner = 'owner',
) {
  const header = [
    Buffer.from('PGDMP'),
    Buffer.from([1, minor, 0, 4, 8, 1]),
    minor >= 15 ? Buffer.from([0]) : int(-1),
    ...Array.from({ length: 7 }, () => int(3)),
    ...['db', '15.18 (Debian 15.18-0+deb12u1)', '17.10'].map(text),
    int(entries.length),
  ];
  const toc = entries.flatMap(([kind, name, definition], at) => [
    int(at + 1),
    int(0),
    text('1259'),
    text('16384'),
    text(name),
    text(kind),
    int(2),
    text(definition),
    text(''),
    text(undefined),
    text('s'),
    text(''),
    ...(minor >= 14 ? [text('heap')] : []),
    ...(minor >= 16 ? [int(114)] : []),
    text(owner),
    text('false'),
    text('7'),
    text(undefined),
    Buffer.alloc(9),
  ]);
  return Buffer.concat([...header, ...toc]);
}

async function* chunksOf(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Buffer, size = 64) {
  const entries = await Array.fromAsync(readToc(chunksOf(bytes, size), 'schema.dump'));
  return entries.map(({ kind, schema, name, section, dependsOn }) => ({
    kind,
    schema,
    name,
    section,
    dependsOn,
  }));
}

const TABLE = ['TABLE', 'täble', 'CREATE TABLE'] as const;

test.each([12, 14, 15, 16])(
  'an archive of format 1.%d is read, whatever the sizes of its chunks',
  async (minor) => {
    const bytes = archive(minor, [['ENCODING', 'ENCODING', "SET client_encoding = 'UTF8'"], TABLE]);
    for (const size of [1, 7, 1000]) {
      const [, table] = await read(bytes, size);
      expect(table).toEqual({
        kind: 'TABLE',
        schema: 's',
        name: 'täble',
        section: 'pre-data',
        dependsOn: [7],
      });
    }
  },
);

test('names are decoded from the encoding of the archive, and undefined when that is impossible', async () => {
  const latin = Buffer.from('t\xe4ble', 'latin1');
  const inEncoding = async (encoding: string) => {
    const set = `SET client_encoding = '${encoding}';`;
    return (
      await read(
        archive(14, [
          ['ENCODING', 'ENCODING', set],
          ['TABLE', latin, ''],
        ]),
      )
    )[1]?.name;
  };
  expect(await inEncoding('LATIN1')).toBe('täble');
  expect(await inEncoding('WIN1252')).toBe('täble');
  expect(await inEncoding('SQL_ASCII')).toBeUndefined();
  expect(await inEncoding('MULE_INTERNAL')).toBeUndefined();
});

test.each([
  ['is cut off', archive(14, [TABLE]).subarray(0, -20), 'ends inside'],
  ['has another format', archive(17, [TABLE]), '1.17 is unknown'],
  ['is no archive', Buffer.from('PGDUMP and more'), 'not an archive'],
  ['is empty', Buffer.alloc(0), 'ends inside'],
])('bytes that %s are refused by name', async (_, bytes, message) => {
  await expect(read(bytes)).rejects.toMatchObject({
    code: 'set/unreadable',
    message: expect.stringContaining(message),
    where: { object: 'schema.dump' },
  });
});

test.each([
  [13, 'DATABASE', '28502', ''],
  [13, 'DATABASE', 'boss', 'boss'],
  [13, 'TABLE', '28502', '28502'],
  [14, 'DATABASE', '28502', '28502'],
])('in format 1.%i, %s owned by %s has the owner %j', async (minor, kind, owner, found) => {
  // Greenplum 6 writes the oid of a database's owner.
  const bytes = archive(minor, [[kind, 'x', 'CREATE x']], owner);
  const [entry] = await Array.fromAsync(readToc(chunksOf(bytes, 64), 'schema.dump'));
  expect(entry?.owner).toBe(found);
});

test.each([1, 64])(
  'the header of an archive names the server and pg_dump, in chunks of %i bytes',
  async (size) => {
    const bytes = archive(16, [['TABLE', 't', '']]);
    expect(await readArchiveHeader(chunksOf(bytes, size), 'schema.dump')).toMatchObject({
      minor: 16,
      serverVersion: '15.18',
      dumpVersion: '17.10',
    });
    await expect(
      readArchiveHeader(chunksOf(bytes.subarray(0, 40), size), 'schema.dump'),
    ).rejects.toMatchObject({ code: 'set/unreadable' });
  },
);
