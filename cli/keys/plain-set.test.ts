import { expect, test } from 'vitest';
import { EncryptionSection, type EncryptionSettings } from '../../encryption/settings.ts';
import type { ClusterContext } from '../context.ts';
import { requireEncrypted } from './proven-keys.ts';

const timestamp = '20260131120000';
const PLAIN = { timestamp };
const KEYED = { timestamp, encryption: { keyId: 'ab'.repeat(16) } };
const KMS = '12345678-1234-1234-1234-123456789012';

function refusal(
  section: unknown,
  set: typeof PLAIN | typeof KEYED,
  acceptsPlain = false,
): string | undefined {
  const encryption = section as EncryptionSettings | undefined;
  const parsed = encryption === undefined ? {} : { encryption: EncryptionSection.parse(section) };
  const context = { config: parsed, acceptsPlain } as unknown as ClusterContext;
  try {
    requireEncrypted(context, set);
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ code: 'encryption/plain-set', where: { set: timestamp } });
    return (error as Error).message;
  }
}

test('a plain set is refused where the configuration encrypts, or names an identity only', () => {
  expect(refusal({ kms: KMS }, PLAIN)).toContain('the configuration names recipients');
  expect(refusal({ identityFile: '/key' }, PLAIN)).toContain('an identity is named');
  expect(refusal({ identityCommand: ['print'] }, PLAIN)).toContain('an identity is named');
});

test('a plain set is read without encryption, and where the operator accepts it', () => {
  expect(refusal(undefined, PLAIN)).toBeUndefined();
  expect(refusal({ identityFile: '/key' }, PLAIN, true)).toBeUndefined();
  expect(refusal({ kms: KMS }, PLAIN, true)).toBeUndefined();
  expect(refusal({ kms: KMS }, KEYED)).toBeUndefined();
});
