import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readScript } from './read-script.ts';
import { UnsoundScript } from './unsound.ts';

async function* inChunks(text: string, cuts: readonly number[]): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text, 'latin1');
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let at = 0;
  for (const end of [...ends, bytes.length]) {
    yield Buffer.from(bytes.subarray(at, end));
    at = end;
  }
}

async function partsOf(text: string, cuts: readonly number[] = []) {
  const parts: { kind: string; text: string; rows?: string }[] = [];
  for await (const part of readScript(inChunks(text, cuts))) {
    if (part.kind !== 'copy') {
      parts.push(part);
      continue;
    }
    const rows: Buffer[] = [];
    for await (const chunk of part.rows) rows.push(Buffer.from(chunk));
    parts.push({ kind: 'copy', text: part.text, rows: Buffer.concat(rows).toString('latin1') });
  }
  return parts;
}

const nasty = fc.constantFrom(
  '',
  '\\\\.',
  '\\N',
  'COPY x (a) FROM stdin;',
  'SET search_path = other, pg_catalog;',
  '-- Greenplum Database database dump complete',
  '--',
  '$$',
  "it's (",
  ' \\.',
  'x\\\\.',
);
const row = fc.oneof(
  nasty,
  fc.string({ unit: fc.constantFrom('a', '\t', "'", '"', '$', '(', ';', '-', '\\\\') }),
);
const section = fc.record({ table: fc.constantFrom('t', '"a;b"', '"x""y"'), rows: fc.array(row) });

test('rows are read as they were written, whatever they look like and wherever chunks end', () =>
  fc.assert(
    fc.asyncProperty(fc.array(section), fc.array(fc.nat()), async (sections, cuts) => {
      const text = sections
        .map(({ table, rows }) => {
          const lines = rows.map((line) => `${line}\n`).join('');
          return `--\n-- Data for Name: x\n--\n\nCOPY ${table} (a) FROM stdin;\n${lines}\\.\n\n\n`;
        })
        .join('');
      const copies = (await partsOf(text, cuts)).filter(({ kind }) => kind === 'copy');
      expect(copies.map(({ rows }) => rows)).toEqual(
        sections.map(({ rows }) => rows.map((line) => `${line}\n`).join('')),
      );
    }),
  ));

test('a function body that looks like a script is part of one statement', async () => {
  const body = `CREATE FUNCTION f() RETURNS text
    AS $_$ SELECT 'a;b' || $$x;y$$; -- '
COPY t (a) FROM stdin;
\\.
$_$ LANGUAGE sql;`;
  expect(await partsOf(`${body}\n\nSET a = 1;\n`, [3, 50, 51, 60, 100])).toEqual([
    { kind: 'statement', text: body },
    { kind: 'statement', text: 'SET a = 1;' },
  ]);
});

test('a backslash escapes a quote only where the script says so, or behind E', async () => {
  const texts = async (text: string) => (await partsOf(text)).map((part) => part.text);
  const off = "SET standard_conforming_strings = off;\nCOMMENT ON TABLE t IS 'a\\';b';\n";
  expect(await texts(off)).toHaveLength(2);
  const on = "SET standard_conforming_strings = on;\nCOMMENT ON TABLE t IS 'a\\';\nSET b = 1;\n";
  expect(await texts(on)).toHaveLength(3);
  expect(await texts("COMMENT ON TABLE t IS E'a\\';b';\n")).toHaveLength(1);
});

test('semicolons in parentheses, names and comments do not end a statement', async () => {
  const rule = 'CREATE RULE "r;" AS ON INSERT TO t DO (/* ; */ SELECT 1; SELECT 2 -- ;\n);';
  expect(await partsOf(`${rule}\n`)).toEqual([{ kind: 'statement', text: rule }]);
});

test('the semicolons of a body between BEGIN ATOMIC and END do not end a statement', async () => {
  const body = `CREATE FUNCTION s.f(a integer) RETURNS bigint
    LANGUAGE sql
    BEGIN ATOMIC
 INSERT INTO s.t (a)
   VALUES (CASE WHEN (f.a > 0) THEN 1 ELSE 2 END);
 SELECT 1 AS "end;";
END;`;
  for (const cut of [3, 74, 77, 150])
    expect(await partsOf(`${body}\nSET a = 1;\n`, [cut])).toEqual([
      { kind: 'statement', text: body },
      { kind: 'statement', text: 'SET a = 1;' },
    ]);
});

test('a command of psql is a line of its own', async () => {
  expect(await partsOf('\\connect "a;b"\nSET a = 1;\n', [4])).toEqual([
    { kind: 'statement', text: '\\connect "a;b"' },
    { kind: 'statement', text: 'SET a = 1;' },
  ]);
});

test.each([
  ['inside a statement', 'CREATE TABLE t (', 'inside a statement'],
  ['inside rows', 'COPY t (a) FROM stdin;\n1\n2', 'inside the rows of "COPY t (a) FROM stdin;"'],
  ['before the line break of the end', 'COPY t (a) FROM stdin;\n1\n\\.', 'inside the rows'],
])('a script that ends %s is not sound', async (_, text, message) => {
  await expect(partsOf(text)).rejects.toThrow(UnsoundScript);
  await expect(partsOf(text)).rejects.toThrow(message);
});

test('converted line ends are not sound', async () => {
  await expect(partsOf('COPY t (a) FROM stdin;\r\n1\r\n\\.\r\n')).rejects.toThrow('converted');
  await expect(partsOf('COPY t (a) FROM stdin;\n1\n\\.\r\n')).rejects.toThrow('converted');
});

test('rows that a consumer leaves unread are never read as statements', async () => {
  const reading = (async () => {
    for await (const _ of readScript(inChunks('COPY t (a) FROM stdin;\nDROP TABLE t;\n\\.\n', [])));
  })();
  await expect(reading).rejects.toThrow('were not read to their end');
});
