import { describe, expect, it } from 'vitest';
import type { Piece, RowSource } from '../source.ts';
import { formattedText } from './formatted.ts';
import { textOptionsFrom } from './text-options.ts';

function sourceOf(column: string, encoding: string, rows: Buffer): RowSource {
  const columns = [column];
  return {
    what: 't',
    from: {},
    columns: [{ name: column }],
    rows: () => 1,
    async *pieces(): AsyncGenerator<Piece> {
      const chunks = async function* () {
        yield rows;
      };
      yield { columns, encoding, rows: chunks() };
    },
  };
}

async function csv(source: RowSource, encoding?: string): Promise<string> {
  const options = textOptionsFrom({ header: true }, 'csv');
  const chunks = formattedText(source, options, encoding, { rows: 0, bytes: 0 });
  return Buffer.concat(await Array.fromAsync(chunks)).toString('latin1');
}

describe('a header', () => {
  const rows = Buffer.from('\xe9\n', 'latin1');

  it('is in the encoding of the rows, or is refused', async () => {
    await expect(csv(sourceOf('é', 'LATIN1', rows))).rejects.toMatchObject({
      code: 'export/impossible',
      message: expect.stringMatching(/rows in LATIN1: use --encoding UTF8/) as string,
    });
    const both = Buffer.from('é\né\n').toString('latin1');
    expect(await csv(sourceOf('é', 'LATIN1', rows), 'UTF8')).toBe(both);
  });

  it('of ASCII names goes with rows of every encoding', async () => {
    expect(await csv(sourceOf('e', 'LATIN1', rows))).toBe('e\n\xe9\n');
  });
});
