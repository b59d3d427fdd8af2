import { randomBytes } from 'node:crypto';
import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import type { Encryption } from '../../../backup-set/documents/plan.ts';
import { readDigestKey } from '../../../encryption/digest-key.ts';
import { isEncrypting } from '../../../encryption/settings.ts';
import {
  contentDigestKey,
  contentKey,
  digestKeyId,
  KEY_BYTES,
  setKeyId,
} from '../../../frame/seal/derive.ts';
import type { SealingKeys } from '../../../segment-shipper/protocol/control.ts';
import type { Config } from '../../config/schema.ts';

/** The keys of a backup: in the memory of the coordinator, until the backup ends. */
export interface BackupKeys {
  readonly setKey: Buffer;
  readonly digestKey: Buffer | undefined;
  /** Of the encrypted set that is converted: shows that a holder of its key made the new set. */
  readonly originalKey?: Buffer | undefined;
}

/** Whether backups with this configuration are encrypted. */
export const encryptsBackups = ({ encryption }: Pick<Config, 'encryption'>): boolean =>
  encryption !== undefined && isEncrypting(encryption);

/**
 * A new key for the set, and the key of the digests. Undefined: the set is not encrypted.
 * @throws StowageError `config/invalid` when the file of the digest key cannot be used.
 */
export async function newBackupKeys({ encryption }: Config): Promise<BackupKeys | undefined> {
  if (encryption === undefined || !isEncrypting(encryption)) return undefined;
  const { digestKeyFile } = encryption;
  const digestKey = digestKeyFile === undefined ? undefined : await readDigestKey(digestKeyFile);
  return { setKey: randomBytes(KEY_BYTES), digestKey };
}

/**
 * What the plan says of the keys.
 * @param base the manifest of the set whose frames the new set can use.
 */
export function encryptionOf(
  { setKey, digestKey }: BackupKeys,
  base?: Pick<Manifest, 'timestamp' | 'needs' | 'encryption'>,
): Encryption {
  return {
    keyId: setKeyId(setKey),
    ...(digestKey && { digestKeyId: digestKeyId(digestKey) }),
    ...(base?.encryption && { older: olderKeys(base, base.encryption) }),
  };
}

/** Of the base, and of the sets whose packs it uses. */
function olderKeys(
  { timestamp, needs }: Pick<Manifest, 'timestamp' | 'needs'>,
  { keyId, digestKeyId: id, older = [] }: Encryption,
): NonNullable<Encryption['older']> {
  const own = { timestamp, keyId, ...(id !== undefined && { digestKeyId: id }) };
  return [...older.filter((one) => needs.includes(one.timestamp)), own];
}

/** What the shipper of a content needs. No other key can be computed from it. */
export function sealingKeysOf(
  { setKey, digestKey }: BackupKeys,
  timestamp: string,
  content: number,
): SealingKeys {
  return {
    key: contentKey(setKey, timestamp, content).toString('base64'),
    ...(digestKey && { digestKey: contentDigestKey(digestKey, content).toString('base64') }),
  };
}
