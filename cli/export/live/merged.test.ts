import { once } from 'node:events';
import { expect, it } from 'vitest';
import type { RowBlock } from '../../../database/copy-wire/row-block.ts';
import { merged } from './merged.ts';

const blockOf = (text: string) =>
  ({ kind: 'rows', rows: Buffer.from(text), count: 1, release: () => undefined }) as RowBlock;

async function* copy(part: string, signal: AbortSignal): AsyncGenerator<RowBlock> {
  if (part === 'lost') throw new Error('the server was lost');
  if (part === 'slow') {
    await once(signal, 'abort');
    throw new Error('stopped');
  }
  yield blockOf(`${part}\n`);
}

const textOf = async (...parts: string[]) =>
  Buffer.concat(await Array.fromAsync(merged(parts, 2, copy))).toString();

it('the rows of all parts leave', async () => {
  expect((await textOf('a', 'b', 'c')).split('\n').sort()).toEqual(['', 'a', 'b', 'c']);
});

it('a part that fails stops the others, also one that has no rows yet', async () => {
  await expect(textOf('slow', 'lost')).rejects.toThrow('the server was lost');
});

it('a reader that ends stops all parts', async () => {
  for await (const rows of merged(['a', 'slow'], 2, copy)) {
    expect(String(rows)).toBe('a\n');
    break;
  }
});
