import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { withUnnamedFile } from './unnamed-file.ts';

const ours = async () =>
  (await readdir(tmpdir())).filter((name) => name.startsWith('stowage-file-'));

it('another program reads the file several times, and no name of it is left if this process is killed', async () => {
  const before = await ours();
  await withUnnamedFile(async ({ handle, path }) => {
    await handle.writeFile('PGDMP');
    for (const _ of [1, 2]) expect((await promisify(execFile)('cat', [path])).stdout).toBe('PGDMP');
    if (process.platform === 'linux') expect(before).toEqual(expect.arrayContaining(await ours()));
  });
});

it('the file is closed when its use fails', async () => {
  let at = '';
  const using = withUnnamedFile(async ({ path }) => {
    at = path;
    throw new Error('no archive');
  });
  await expect(using).rejects.toThrow('no archive');
  expect(existsSync(at)).toBe(false);
});
