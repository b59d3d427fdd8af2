import { expect, test } from 'vitest';
import { insertedRows } from './insert-rows.ts';
import { readScript } from './read-script.ts';

const STANDARD = () => ({ standard: true });

async function* only(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text, 'latin1');
}

test('INSERT statements in an encoding whose characters have a backslash byte are refused', () => {
  // In SJIS, the second byte of this character is a backslash: doubling it would change the value.
  const first = "INSERT INTO s.t (a) VALUES ('\x95\\');";
  expect(() => insertedRows(first, readScript(only('')), STANDARD, 'SJIS')).toThrow(
    'its client_encoding SJIS cannot be read',
  );
});

test('INSERT statements of one table become rows of COPY text', async () => {
  const rest = 'INSERT INTO s.t (a) VALUES (NULL);\nINSERT INTO s.u (a) VALUES (1);\n';
  const first = "INSERT INTO s.t (a) VALUES ('\\');";
  const { rows, after } = insertedRows(first, readScript(only(rest)), STANDARD, 'UTF8');
  expect(Buffer.concat(await Array.fromAsync(rows)).toString()).toBe('\\\\\n\\N\n');
  expect(after().value).toMatchObject({ text: 'INSERT INTO s.u (a) VALUES (1);' });
});
