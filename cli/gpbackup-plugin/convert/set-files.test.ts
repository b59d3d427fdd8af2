import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { hex } from '../../../frame/hex.ts';
import { openDirectory } from '../../../storage/directory/directory.ts';
import { decompressed } from '../../adopt/files/decompressed.ts';
import { UnsoundScript } from '../../adopt/script/unsound.ts';
import { filesOfSets } from './set-files.ts';

const TIMESTAMP = '20260131120000';
const FILE = `gpbackup_0_${TIMESTAMP}_16384`;
const { signal } = new AbortController();

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stowage-set-files-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Reads a file of a set whose manifest has the CRC-32 of these bytes. */
async function read(stored: string, proven: string): Promise<string> {
  const store = openDirectory(root);
  const key = formatKey({ kind: 'file', timestamp: TIMESTAMP, content: 0, name: FILE });
  await store.create(key, Buffer.from(stored));
  const crc = hex(crc32(proven));
  const name = `backups/20260131/${TIMESTAMP}/${FILE}`;
  const from = filesOfSets(
    store,
    new Map([
      [name, { key, file: FILE, bytes: proven.length, crc32: crc, plainBytes: proven.length }],
    ]),
  );
  const [listed] = await from.list(signal, `backups/20260131/${TIMESTAMP}/`);
  if (listed === undefined) throw new Error('the file is not listed');
  const chunks = decompressed({ ...listed, from }, 'none', signal);
  return Buffer.concat(await Array.fromAsync(chunks)).toString();
}

test('a file of a set is read as it was stored', async () => {
  expect(await read('1,one\n', '1,one\n')).toBe('1,one\n');
});

test('a file of a set that has changed since the backup is not sound', async () => {
  const reading = read('1,two\n', '1,one\n');
  await expect(reading).rejects.toThrow('has changed since the backup');
  await expect(reading).rejects.toBeInstanceOf(UnsoundScript);
});
