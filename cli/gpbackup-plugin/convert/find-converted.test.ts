import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import pino from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { encode, sha256 } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { Seal } from '../../../backup-set/documents/seal.ts';
import { documentsOf, sealFor, sealOf, TIMESTAMP } from '../../../backup-set/testing/builders.ts';
import { fileSet } from '../../../backup-set/testing/file-set.ts';
import { fold } from '../../../backup-set/testing/fold-whole.ts';
import { openDirectory } from '../../../storage/directory/directory.ts';
import { withMacs } from '../../backup/documents/seal.ts';
import { originalFault } from '../../keys/seal-macs.ts';
import type { SealFault } from './conversion-proof.ts';
import { findConverted } from './find-converted.ts';

/** The conversion is stored one second behind it. */
const ORIGINAL = '20260131115959';
const NEXT = '20260131120001';
const [setKey, originalKey, otherKey] = [1, 2, 3].map((byte) => Buffer.alloc(32, byte));
const source = {
  ...{ tool: 'gpbackup', version: '6', timestamp: ORIGINAL, place: 'h', options: '' },
  counted: 'source' as const,
};

/** Looks for the conversion of a set, when one was sealed in this way. */
async function found(originalMacKey: Buffer | undefined, change: Partial<Seal>, fault?: SealFault) {
  const root = await mkdtemp(join(tmpdir(), 'stowage-converted-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const [set] = fc.sample(fileSet, { numRuns: 1, seed: 1 });
  if (set === undefined || setKey === undefined) throw new Error('no set was made');
  const plan: Plan = { ...set.plan, source };
  const folded = fold(documentsOf({ ...set, plan }));
  if (folded.status !== 'complete') throw new Error('the conversion must be complete');
  const store = openDirectory(root);
  const timestamp = TIMESTAMP;
  const plain: Seal = {
    ...sealFor(sealOf({ ...set, plan })),
    planSha256: sha256(encode(Plan, plan)),
    ...change,
  };
  const seal = withMacs(plain, { setKey, digestKey: undefined, originalKey: originalMacKey });
  await store.create(formatKey({ kind: 'plan', timestamp }), encode(Plan, plan));
  await store.create(formatKey({ kind: 'seal', timestamp }), encode(Seal, seal));
  await store.create(formatKey({ kind: 'manifest', timestamp }), folded.bytes);
  const deps = { store, clock: () => new Date(), log: pino({ level: 'silent' }) };
  const notes: string[] = [];
  const { converted, free } = await findConverted(deps, ORIGINAL, {
    faultOf: async () => fault,
    onUnproven: (_, why) => notes.push(why),
  });
  return { converted, free, notes };
}

const ofOriginal: SealFault = (seal) => originalFault(originalKey ?? Buffer.alloc(0), seal);

test('a conversion is used when the key of its original proves it, or when nothing can', async () => {
  const used = { converted: TIMESTAMP, free: TIMESTAMP, notes: [] };
  expect(await found(originalKey, {}, ofOriginal)).toEqual(used);
  expect(await found(undefined, {})).toEqual(used);
});

test.each<[string, Buffer | undefined, Partial<Seal>, RegExp]>([
  ['has no originalMac', undefined, {}, /has no originalMac/],
  ['was sealed with another key', otherKey, {}, /originalMac of its seal differs/],
  ['has another plan', originalKey, { planSha256: '0'.repeat(64) }, /names another plan/],
])('a planted conversion that %s is left alone and named', async (_, key, change, why) => {
  const { converted, free, notes } = await found(key, change, ofOriginal);
  expect([converted, free]).toEqual([undefined, NEXT]);
  expect(notes).toEqual([expect.stringMatching(why)]);
});
