import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, it, onTestFinished } from 'vitest';
import { openFile } from '../../../cli/import/decompressed.ts';

const ROWS = Buffer.from('1\ta\n2\tb\n');

async function fileOf(bytes: Buffer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-import-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'rows');
  await writeFile(path, bytes);
  return path;
}

const read = async (path: string) =>
  Buffer.concat(await Array.fromAsync((await openFile(path)).bytes)).toString();

it.each([
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
] as const)('all streams of a %s file that has several are read', async (kind, compress) => {
  const path = await fileOf(Buffer.concat([compress(ROWS), compress(ROWS)]));
  expect((await openFile(path)).kind).toBe(kind);
  expect(await read(path)).toBe(`${ROWS}${ROWS}`);
});

it.each([
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
] as const)('a %s file that was cut off is an error that names it', async (kind, compress) => {
  const whole = compress(ROWS);
  const path = await fileOf(whole.subarray(0, whole.length - 3));
  await expect(read(path)).rejects.toMatchObject({
    code: 'import/failed',
    message: `file ${path} cannot be decompressed (${kind}): unexpected end of file`,
  });
});
