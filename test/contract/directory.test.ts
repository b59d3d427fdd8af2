import { execFile } from 'node:child_process';
import {
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publish } from '../../storage/directory/publish.ts';
import { rootExists } from '../../storage/directory/root.ts';
import { openStore } from '../../storage/open.ts';
import { reusing, someBytes, text } from './bytes.ts';

// What only a directory has: the way files get their names, and their modes.
const run = promisify(execFile);
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'directory-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Fails as link(2) does on a filesystem without hard links. */
const noLinks: typeof link = async () => {
  throw Object.assign(new Error('operation not permitted'), { code: 'EPERM' });
};

test('of 16 racing writers on a filesystem without hard links exactly one gets the name', async () => {
  const root = await mkdtemp(join(dir, 'no-links-'));
  const path = join(root, 'sets/x');
  const race = Array.from({ length: 16 }, async (_, index) => {
    const temp = join(root, `temp${index}`);
    await writeFile(temp, `writer ${index}`);
    await publish(temp, path, 'sets/x', noLinks);
    return `writer ${index}`;
  });
  const ends = await Promise.allSettled(race);
  const winners = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  expect(winners).toHaveLength(1);
  expect(await readFile(path, 'utf8')).toBe(winners[0]);
  for (const end of ends)
    if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'storage/exists' });
});

// An NFS client sends a request again when its answer is lost, and gets the second one's error.
const linkTwice: typeof link = async (from, to) => {
  await link(from, to);
  await link(from, to);
};
const renameTwice: typeof rename = async (from, to) => {
  await rename(from, to);
  await rename(from, to);
};

test.each([
  ['link', linkTwice, rename],
  ['rename', noLinks, renameTwice],
] as const)(
  'a file whose %s was carried out twice has its name, once',
  async (_, links, renames) => {
    const root = await mkdtemp(join(dir, 'twice-'));
    const path = join(root, 'sets/x');
    await writeFile(join(root, 'temp'), 'mine');
    await publish(join(root, 'temp'), path, 'sets/x', links, renames);
    expect(await readFile(path, 'utf8')).toBe('mine');
    expect(await readdir(root)).toEqual(['sets']);
    await writeFile(join(root, 'temp'), 'mine');
    await expect(
      publish(join(root, 'temp'), path, 'sets/x', links === noLinks ? noLinks : link),
    ).rejects.toThrow();
    expect(await readFile(path, 'utf8')).toBe('mine');
  },
);

test('a write to a read-only file system is storage/denied, not a missing object', async (context) => {
  const root = join(dir, 'read-only');
  await mkdir(root);
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', root]).catch(
    () => undefined,
  );
  if (mounted === undefined) return context.skip();
  try {
    for (const below of ['', '/not/yet']) {
      const store = await openStore({ root: pathToFileURL(`${root}${below}`).href });
      await expect(store.create('sets/x', text(''))).rejects.toMatchObject({
        code: 'storage/denied',
        message: expect.stringContaining('the file system is mounted read-only: EROFS') as string,
      });
    }
  } finally {
    await run('umount', [root]);
  }
});

test('a root whose path runs through a file is refused by write and list, and the error names the file', async () => {
  const file = join(dir, 'file');
  await writeFile(file, 'not a directory');
  for (const root of [file, join(file, 'backups')]) {
    const store = await openStore({ root: pathToFileURL(root).href });
    const refused = (doing: string) => ({
      code: 'config/invalid',
      message: `${doing} below ${root} failed: ${file} is not a directory (ENOTDIR)`,
      where: { field: 'root' },
    });
    await expect(store.create('sets/x', text(''))).rejects.toMatchObject(refused('writing sets/x'));
    await expect(store.upload('sets/x', reusing(text('2'), 1))).rejects.toMatchObject(
      refused('writing sets/x'),
    );
    await expect(Array.fromAsync(store.list('sets/'))).rejects.toMatchObject(
      refused('listing sets/'),
    );
    await expect(Array.fromAsync(store.listPrefixes('sets/'))).rejects.toMatchObject(
      refused('listing sets/'),
    );
  }
});

test('a root that does not exist yet has no objects, and rootExists says so until the first write', async () => {
  const store = await openStore({ root: pathToFileURL(join(dir, 'not/yet')).href });
  expect(await Array.fromAsync(store.list(''))).toEqual([]);
  expect(await rootExists(store)).toBe(false);
  await store.create('x', text(''));
  expect(await rootExists(store)).toBe(true);
  expect(await Array.fromAsync(store.list('x/'))).toEqual([]);
});

test('a finished object is a plain file with mode 0640 in folders with mode 0750', async () => {
  const before = process.umask(0);
  try {
    const root = join(dir, 'modes');
    const store = await openStore({ root: pathToFileURL(root).href });
    await store.create('sets/created', text('1'));
    await store.upload('sets/uploaded', reusing(text('2'), 1));
    await store.delete(['absent']);
    for (const name of ['created', 'uploaded'])
      expect((await stat(join(root, 'sets', name))).mode & 0o777).toBe(0o640);
    for (const name of ['', 'sets', '.tmp'])
      expect((await stat(join(root, name))).mode & 0o777).toBe(0o750);
    expect((await stat(join(root, 'sets/created'))).nlink).toBe(1);
    expect(await readdir(join(root, '.tmp'))).toEqual([]);
  } finally {
    process.umask(before);
  }
});

test('an upload to a full filesystem fails with storage/unavailable and leaves nothing', async (context) => {
  // Only root can mount a small filesystem.
  const root = join(dir, 'full');
  await mkdir(root);
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', root]).catch(
    () => undefined,
  );
  if (mounted === undefined) return context.skip();
  try {
    const store = await openStore({ root: pathToFileURL(root).href });
    const upload = store.upload('x', reusing(someBytes(3 * 1024 * 1024), 100_000));
    await expect(upload).rejects.toMatchObject({
      code: 'storage/unavailable',
      where: { object: 'x' },
    });
    expect(await readdir(join(root, '.tmp'))).toEqual([]);
    expect(await store.head('x')).toBeUndefined();
  } finally {
    await run('umount', [root]);
  }
});
