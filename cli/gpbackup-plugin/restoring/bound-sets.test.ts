import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { StowageError } from '../../../backup-set/base/errors.ts';
import type { ProvenHeads } from '../sealing/file-keys.ts';
import { boundSets, requireBound } from './bound-sets.ts';
import { namedSets } from './named-sets.ts';

const [FULL, INCREMENT, OTHER] = ['20260131120000', '20260201120000', '20260101120000'];
const [keyId, forged] = ['a'.repeat(32), 'b'.repeat(32)];
const heads = {
  plan: { encryption: { keyId: 'c'.repeat(32), older: [{ timestamp: FULL, keyId }] } },
  seal: { older: [{ timestamp: FULL, hostKeys: ['d'.repeat(32)] }] },
} as ProvenHeads;

/** What a resident process knows after gprestore has named these sets. */
function bound(named: readonly string[], headsOf = async () => heads as ProvenHeads | undefined) {
  const names = { all: () => named, add: async () => undefined, remove: async () => undefined };
  const sets = boundSets({ headsOf }, names);
  return (timestamp: string, hasRows = true) => sets.of({ timestamp, hasRows });
}

test('the files of an increment come from the older set whose key it names', async () => {
  const bindings = await bound([INCREMENT])(FULL);
  expect(bindings).toEqual([{ increment: INCREMENT, keyId, hostKeys: ['d'.repeat(32)] }]);
  requireBound(bindings, { timestamp: FULL, encryption: { keyId } });
  for (const encryption of [{ keyId: forged }, undefined])
    expect(() => {
      requireBound(bindings, { timestamp: FULL, ...(encryption && { encryption }) });
    }).toThrow(`the increment ${INCREMENT} was made from another one`);
});

test('rows of a set that the increment does not name are refused', async () => {
  const of = bound([INCREMENT]);
  await expect(of(OTHER)).rejects.toThrow(`the increment ${INCREMENT} does not name it`);
  // gprestore asks for the table of contents of a set of which it restores no table.
  expect(await of(OTHER, false)).toEqual([]);
  expect(await of(INCREMENT)).toEqual([]);
});

test('a name that a killed gprestore has left does not stop another one, and hides no binding', async () => {
  const expired = async (timestamp?: string) => {
    if (timestamp === OTHER) throw new StowageError('encryption/no-key', 'gone');
    return heads;
  };
  expect(await bound([OTHER, INCREMENT, FULL], expired)(FULL)).toHaveLength(1);
  await expect(bound([OTHER], expired)(FULL)).rejects.toThrow('gone');
  const plain = async (timestamp?: string) => (timestamp === INCREMENT ? heads : undefined);
  expect(await bound([INCREMENT, '20260301120000'], plain)(OTHER)).toEqual([]);
  expect(await bound([], expired)(FULL)).toEqual([]);
  expect(await bound([INCREMENT], async () => undefined)(FULL)).toEqual([]);
});

test('the sets that gprestore has named outlive the resident process', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-named-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'plugin.yaml.sets');
  const first = await namedSets(file);
  for (const one of [INCREMENT, FULL, INCREMENT]) await first.add(one);
  const second = await namedSets(file);
  expect(second.all()).toEqual([INCREMENT, FULL]);
  for (const one of [FULL, '', INCREMENT]) await second.remove(one);
  expect((await namedSets(file)).all()).toEqual([]);
});
