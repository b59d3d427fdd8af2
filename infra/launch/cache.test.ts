import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cacheFolder, keepCompiled, readCompiled } from './cache.ts';

const uid = process.getuid?.();
let home = '';
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'stowage-cache-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

describe('cacheFolder', () => {
  it('gives a folder below the home of the user, also when it does not exist yet', async () => {
    const wanted = join(home, '.cache/stowage');
    expect(cacheFolder({ env: { HOME: home }, uid })).toBe(wanted);
    await mkdir(wanted, { recursive: true, mode: 0o700 });
    expect(cacheFolder({ env: { HOME: home }, uid })).toBe(wanted);
  });

  it('gives none when another user could write there', async () => {
    const other = (uid ?? 0) + 1;
    expect(cacheFolder({ env: { HOME: home }, uid: other })).toBeUndefined();
    for (const folder of [home, join(home, '.cache'), join(home, '.cache/stowage')]) {
      await mkdir(folder, { recursive: true });
      await chmod(folder, 0o770);
      expect(cacheFolder({ env: { HOME: home }, uid })).toBeUndefined();
      await chmod(folder, 0o700);
    }
    await rm(join(home, '.cache/stowage'), { recursive: true });
    await symlink(tmpdir(), join(home, '.cache/stowage'));
    expect(cacheFolder({ env: { HOME: home }, uid })).toBeUndefined();
  });

  it('gives the folder of STOWAGE_CACHE under the same conditions, and none when that is empty', async () => {
    expect(cacheFolder({ env: { STOWAGE_CACHE: home }, uid })).toBe(home);
    expect(cacheFolder({ env: { STOWAGE_CACHE: '', HOME: home }, uid })).toBeUndefined();
    await chmod(home, 0o777);
    expect(cacheFolder({ env: { STOWAGE_CACHE: home }, uid })).toBeUndefined();
  });

  it('gives none without a home or a user', () => {
    expect(cacheFolder({ env: {}, uid })).toBeUndefined();
    expect(cacheFolder({ env: { HOME: 'relative' }, uid })).toBeUndefined();
    expect(cacheFolder({ env: { HOME: home }, uid: undefined })).toBeUndefined();
  });
});

describe('compiled code', () => {
  const compiled = { code: Buffer.from('code of V8'), parts: ['backup', 's3:'] };
  const now = Date.now();

  it('is read as it was stored, and leaves no temporary file', async () => {
    const folder = join(home, 'new');
    keepCompiled(folder, 'a', compiled, now);
    keepCompiled(folder, 'a', compiled, now);
    expect(readCompiled(join(folder, 'a'))).toEqual(compiled);
    expect(await readdir(folder)).toEqual(['a']);
  });

  it('is not read from a missing, empty or truncated file', async () => {
    expect(readCompiled(join(home, 'a'))).toBeUndefined();
    keepCompiled(home, 'a', compiled, now);
    await truncate(join(home, 'a'), 12);
    expect(readCompiled(join(home, 'a'))).toBeUndefined();
    await truncate(join(home, 'a'), 0);
    expect(readCompiled(join(home, 'a'))).toBeUndefined();
  });

  it('of old versions is deleted', async () => {
    await writeFile(join(home, 'old'), '');
    await utimes(
      join(home, 'old'),
      new Date(now - 40 * 86_400_000),
      new Date(now - 40 * 86_400_000),
    );
    keepCompiled(home, 'new', compiled, now);
    expect(await readdir(home)).toEqual(['new']);
  });
});
