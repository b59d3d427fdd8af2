import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { wantsStores } from '../needs.mjs';
import { buildStores, withoutGo } from './build.mjs';
import { programOf, STORE_SERVERS, unbuiltServers } from './servers.mjs';

test('the servers are built for test:stores, and for npm test only when STOWAGE_TEST_STORES is 1', () => {
  expect(wantsStores('stores', {})).toBe(true);
  expect(wantsStores('test', {})).toBe(false);
  expect(wantsStores('test', { STOWAGE_TEST_STORES: '1' })).toBe(true);
  expect(wantsStores('demo', { STOWAGE_TEST_STORES: '1' })).toBe(false);
});

test('the programs are in a folder of the cache, with the version in its name', () => {
  const [server] = STORE_SERVERS;
  expect(programOf(server, { XDG_CACHE_HOME: '/c' })).toBe(
    `/c/stowage-stores/${server.name}-${server.version}/${server.program}`,
  );
  expect(programOf(server, { XDG_CACHE_HOME: '' })).toContain('/.cache/stowage-stores/');
  expect(unbuiltServers({ XDG_CACHE_HOME: '/absent' })).toEqual(STORE_SERVERS);
});

test('a machine without Go is told what Go is needed for, and how to run the other tests', async () => {
  const cache = await mkdtemp(path.join(tmpdir(), 'stowage-cache-'));
  const before = process.env.PATH;
  process.env.PATH = '/absent';
  try {
    const building = buildStores(() => {}, { XDG_CACHE_HOME: cache });
    await expect(building).rejects.toMatchObject({
      exitCode: 2,
      message: withoutGo(STORE_SERVERS),
    });
  } finally {
    process.env.PATH = before;
    await rm(cache, { recursive: true });
  }
  expect(withoutGo(STORE_SERVERS)).toContain('STOWAGE_TEST_STORES=0 npm test');
});
