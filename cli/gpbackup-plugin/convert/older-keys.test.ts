import { expect, test } from 'vitest';
import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import { openingSets } from './older-keys.ts';

const [FULL, INCREMENT] = ['20260131120000', '20260201120000'];
const [own, forged] = ['a'.repeat(32), 'b'.repeat(32)];
const set = (timestamp: string, encryption?: Manifest['encryption']) =>
  ({ timestamp, ...(encryption && { encryption }) }) as Manifest;
const increment = set(INCREMENT, {
  keyId: 'c'.repeat(32),
  older: [{ timestamp: FULL, keyId: own }],
});

/** Opens an increment, and then one older set; gives the sets whose keys were asked for. */
async function opened(first: Manifest, older: Manifest): Promise<string[]> {
  const proven: string[] = [];
  const open = openingSets(async ({ timestamp }) => void proven.push(timestamp) as undefined);
  await open(first);
  await open(older);
  return proven;
}

test('an increment is opened with the older set whose key it names', async () => {
  expect(await opened(increment, set(FULL, { keyId: own }))).toEqual([INCREMENT, FULL]);
  expect(await opened(set(INCREMENT), set(FULL))).toEqual([INCREMENT, FULL]);
});

test.each([
  ['has another key', set(FULL, { keyId: forged })],
  ['is not encrypted', set(FULL)],
  ['is not named', set('20260130120000', { keyId: own })],
])('an increment is not opened with an older set that %s', async (_, older) => {
  await expect(opened(increment, older)).rejects.toThrow('its key is another one');
});
