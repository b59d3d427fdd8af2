import { execFile } from 'node:child_process';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { toFile } from '../../../cli/export/to/file.ts';

const { signal } = new AbortController();

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-output-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

async function* rows() {
  yield Buffer.from('1\n');
}

describe('a file of an export', () => {
  it('replaces another file with --overwrite only', async () => {
    const folder = await newFolder();
    const path = join(folder, 'rows');
    await writeFile(path, 'before');
    const refused = toFile(rows(), path, { overwrite: false, signal });
    await expect(refused).rejects.toMatchObject({ code: 'file/exists' });
    expect(await readFile(path, 'utf8')).toBe('before');
    await toFile(rows(), path, { overwrite: true, signal });
    expect(await readFile(path, 'utf8')).toBe('1\n');
    expect(await readdir(folder)).toEqual(['rows']);
  });

  it.each([true, false])(
    'never replaces a pipe or a directory (--overwrite: %s)',
    async (overwrite) => {
      const folder = await newFolder();
      const [pipe, directory] = [join(folder, 'pipe'), join(folder, 'directory')];
      await promisify(execFile)('mkfifo', [pipe]);
      await mkdir(directory);
      for (const path of [pipe, directory])
        await expect(toFile(rows(), path, { overwrite, signal })).rejects.toMatchObject({
          code: 'file/unusable',
          message: expect.stringContaining('is not a regular file') as string,
        });
      expect((await lstat(pipe)).isFIFO()).toBe(true);
      expect(await readdir(folder)).toEqual(['directory', 'pipe']);
    },
  );
});
