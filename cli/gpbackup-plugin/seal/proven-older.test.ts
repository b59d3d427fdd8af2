import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import pino from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { encode, sha256 } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { Seal } from '../../../backup-set/documents/seal.ts';
import { sealFor, sealOf, TIMESTAMP as timestamp } from '../../../backup-set/testing/builders.ts';
import { fileSet } from '../../../backup-set/testing/file-set.ts';
import { openDirectory } from '../../../storage/directory/directory.ts';
import { withMacs } from '../../backup/documents/seal.ts';
import { unprovenOlder } from './proven-older.ts';

const [setKey, digestKey, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2), Buffer.alloc(32, 3)];
const encryption = { keyId: 'a'.repeat(32), hostKeys: ['b'.repeat(32)] };

test('an older set of gpbackup is proven by the digest key, with the keys that its plan names', async () => {
  const root = await mkdtemp(join(tmpdir(), 'stowage-proven-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const [set] = fc.sample(fileSet, { numRuns: 1, seed: 1 });
  if (set === undefined) throw new Error('no set was made');
  const store = openDirectory(root);
  const deps = { store, clock: () => new Date(), log: pino({ level: 'silent' }) };
  const faultOf = (key: Buffer, named: Manifest['encryption'] = encryption) =>
    unprovenOlder(deps, key)({ timestamp, encryption: named } as Manifest);
  expect(await faultOf(digestKey)).toBe('it has no seal');

  const plan = encode(Plan, { ...set.plan, encryption });
  const plain = { ...sealFor(sealOf(set)), planSha256: sha256(plan) };
  const seal = encode(Seal, withMacs(plain, { setKey, digestKey }));
  await store.create(formatKey({ kind: 'seal', timestamp }), seal);
  expect(await faultOf(digestKey)).toMatch(/its plan is not the one/);
  await store.create(formatKey({ kind: 'plan', timestamp }), plan);
  expect(await faultOf(digestKey)).toBeUndefined();
  expect(await faultOf(other)).toMatch(/its seal: .*another digest key/);
  const forged = { ...encryption, keyId: 'f'.repeat(32) };
  expect(await faultOf(digestKey, forged)).toMatch(/names other keys/);
});
