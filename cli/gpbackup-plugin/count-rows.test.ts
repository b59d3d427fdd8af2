import { gzipSync, zstdCompressSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { countingRows } from './count-rows.ts';

const PACKED = {
  gzip: (bytes: Buffer) => gzipSync(bytes),
  zstd: (bytes: Buffer) => zstdCompressSync(bytes),
  none: (bytes: Buffer) => bytes,
} as const;
const compression = fc.constantFrom('gzip', 'zstd', 'none' as const);

/** A row as COPY CSV prints it. */
const row = fc
  .array(fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', '\\', 'ü') }), {
    minLength: 1,
  })
  .map((values) => `${values.map((value) => `"${value.replaceAll('"', '""')}"`).join(',')}\n`);
const rows = fc.array(row, { maxLength: 30 });

/** Pieces of a stream, cut anywhere. */
function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const bounds = [0, ...at.map((one) => one % (bytes.length + 1)).sort((a, b) => a - b)];
  return [...bounds, bytes.length].slice(1).map((end, index) => bytes.subarray(bounds[index], end));
}

async function countOf(kind: keyof typeof PACKED, pieces: readonly Buffer[]) {
  const counting = countingRows('f', kind);
  try {
    for (const piece of pieces) await counting.feed(piece);
    return await counting.end();
  } finally {
    counting.stop();
  }
}

test('counts the rows of a stream, wherever it is cut into pieces', async () => {
  const cuts = fc.array(fc.nat(), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(rows, compression, cuts, async (some, kind, at) => {
      const text = Buffer.from(some.join(''));
      const found = await countOf(kind, cut(PACKED[kind](text), at));
      expect(found).toEqual({ rows: some.length, rowBytes: text.length });
    }),
    { numRuns: 60 },
  );
});

test('a compressed stream that ends early is an error, wherever it ends', async () => {
  await fc.assert(
    fc.asyncProperty(
      rows,
      fc.constantFrom('gzip' as const, 'zstd' as const),
      fc.nat(),
      async (some, kind, lost) => {
        const whole = PACKED[kind](Buffer.from(some.join('')));
        const early = whole.subarray(0, lost % whole.length);
        const failure = await countOf(kind, [early]).catch((error: unknown) => error);
        expect(isStowageError(failure, 'gpbackup/stream')).toBe(true);
      },
    ),
    { numRuns: 100 },
  );
});

test('an uncompressed stream that ends inside of a row is an error', async () => {
  const some = [Buffer.from('1,"a\nb"\n2,"c')];
  await expect(countOf('none', some)).rejects.toThrow('its last row is cut off');
  await expect(countOf('none', [Buffer.from('1,a\n2,c')])).rejects.toThrow('cut off');
});

test('a compressed stream with bytes behind its end is an error', async () => {
  for (const kind of ['gzip', 'zstd'] as const) {
    const some = Buffer.concat([PACKED[kind](Buffer.from('1,a\n')), Buffer.from('behind')]);
    await expect(countOf(kind, [some])).rejects.toThrow(/damaged|bytes follow the end/);
  }
});
