import { describe, expect, it } from 'vitest';
import { throughOne } from '../../../cli/export/live/through-one.ts';
import { formattedText } from '../../../cli/export/rows/formatted.ts';
import { textOptionsFrom } from '../../../cli/export/rows/text-options.ts';
import { tableNameFrom } from '../../../cli/read-set/table-name.ts';
import { copyServer, textOf } from '../database/copy-server.ts';

const server = copyServer();
const { signal } = new AbortController();

/** The rows of a table of the database `source` as our own writer makes them. */
async function ours(table: string, flags: object, columns?: readonly string[]): Promise<string> {
  const format = 'format' in flags && flags.format === 'text' ? 'text' : 'csv';
  const exported = { rows: 0, bytes: 0 };
  return throughOne(
    server.target('source'),
    { table: tableNameFrom(table), ...(columns && { columns }) },
    { signal },
    (source) =>
      textOf(formattedText(source, textOptionsFrom({ ...flags }, format), undefined, exported)),
  );
}

/** As the server makes them. */
async function theirs(query: string, options: string): Promise<string> {
  const text = await server.psql(`COPY (${query}) TO STDOUT WITH (${options})`, 'source');
  // The helper cuts the last newline.
  return text === '' ? '' : `${text}\n`;
}

describe('rows of all kinds of types', () => {
  it.each([
    ['csv', {}, 'FORMAT csv'],
    ['csv with a header', { header: true }, 'FORMAT csv, HEADER'],
    [
      'csv with other characters',
      { delimiter: ';', quote: "'", escape: '^', null: 'NULL' },
      `FORMAT csv, DELIMITER ';', QUOTE '''', ESCAPE '^', NULL 'NULL'`,
    ],
    ['csv with all values quoted', { forceQuote: ['*'] }, 'FORMAT csv, FORCE_QUOTE *'],
    ['csv with one column quoted', { forceQuote: ['t'] }, 'FORMAT csv, FORCE_QUOTE (t)'],
    ['text', { format: 'text' }, 'FORMAT text'],
    [
      'text with other characters',
      { format: 'text', delimiter: '|', null: '' },
      `FORMAT text, DELIMITER '|', NULL ''`,
    ],
    ['text with a header', { format: 'text', header: true }, 'FORMAT text, HEADER'],
  ])('leave as %s in the bytes of COPY TO', async (_, flags, options) => {
    const query = 'SELECT * FROM public.troublesome';
    expect(await ours('public.troublesome', flags)).toBe(await theirs(query, options));
  });

  it('leave as csv when a column alone has what ends rows of csv', async () => {
    await server.psql(
      String.raw`CREATE TABLE ends (t text); INSERT INTO ends VALUES ('\.'), (''), (NULL), (E'a\r\nb'), ('"'), ('\');`,
      'source',
    );
    expect(await ours('ends', {})).toBe(await theirs('SELECT t FROM ends', 'FORMAT csv'));
  });

  it('leave with chosen columns, in the chosen order', async () => {
    expect(await ours('troublesome', {}, ['n', 'id'])).toBe(
      await theirs('SELECT n, id FROM public.troublesome', 'FORMAT csv'),
    );
  });

  it('leave of tables without columns, and of tables without rows', async () => {
    expect(await ours('"no columns"', { format: 'text' })).toBe('\n\n\n');
    expect(await ours('public.empty', { header: true })).toBe('a\n');
    expect(await ours('public.empty', {})).toBe('');
  });
});

describe('a live table', () => {
  it('that does not exist is refused by name', async () => {
    await expect(ours('public.Troublesome', {})).rejects.toMatchObject({
      code: 'table/not-found',
      message: expect.stringContaining('it has public.troublesome'),
    });
  });

  it('whose column does not exist is refused by name', async () => {
    await expect(ours('public.empty', {}, ['b'])).rejects.toMatchObject({
      code: 'export/impossible',
      message: 'public.empty has no column "b": it has a',
    });
  });
});
