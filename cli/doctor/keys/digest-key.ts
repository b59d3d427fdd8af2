import { isStowageError, messageOf } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { Plan } from '../../../backup-set/documents/plan.ts';
import { readDigestKey } from '../../../encryption/digest-key.ts';
import { type EncryptionSettings, isEncrypting } from '../../../encryption/settings.ts';
import { digestKeyId } from '../../../frame/seal/derive.ts';
import type { Deps } from '../../../functions/deps.ts';
import { readDocument } from '../../../functions/stored/load.ts';
import { coordinatorFault } from '../../keys/seal-macs.ts';
import type { Check } from '../check.ts';

/** Whether the next backup can use rows of older sets: the digest key proves its base. */
export async function checkDigestKey(
  settings: EncryptionSettings,
  deps: Deps,
  newest: Plan | undefined,
): Promise<Check[]> {
  if (!isEncrypting(settings)) return [];
  const check = { of: 'encryption', name: 'digest key' };
  const { digestKeyFile } = settings;
  if (digestKeyFile === undefined) {
    const detail =
      'encryption.digestKeyFile is not set: every backup stores all rows, because nothing proves that a backup of yours made the older sets. `stowage key new --digest-key FILE` makes a key';
    return [{ ...check, ok: true, remark: true, detail }];
  }
  try {
    const key = await readDigestKey(digestKeyFile);
    const before = newest?.encryption?.digestKeyId;
    if (before !== undefined && before !== digestKeyId(key)) {
      const detail = `${digestKeyFile} is another key than that of set ${newest?.timestamp}: the next backup stores all rows. Restore the old file if you still have it`;
      return [{ ...check, ok: true, remark: true, detail }];
    }
    const fault = newest && (await sealFaultOf(deps, newest, key));
    const detail =
      fault === undefined
        ? digestKeyFile
        : `${digestKeyFile} does not prove set ${newest?.timestamp}, which cannot be the base of a backup: its seal: ${fault}`;
    return [{ ...check, ok: true, ...(fault !== undefined && { remark: true }), detail }];
  } catch (error) {
    if (isStowageError(error, 'config/invalid'))
      return [{ ...check, ok: false, detail: messageOf(error) }];
    throw error;
  }
}

/** Of the newest set, when it is a backup that another can use. A set without a seal still runs. */
async function sealFaultOf(
  deps: Deps,
  { timestamp, encryption, features = [] }: Plan,
  key: Uint8Array,
): Promise<string | undefined> {
  if (encryption === undefined || features.includes('files')) return undefined;
  const seal = await readDocument(deps, formatKey({ kind: 'seal', timestamp }));
  try {
    return seal && coordinatorFault(key, seal);
  } catch (error) {
    if (isStowageError(error, 'set/unreadable')) return error.message;
    throw error;
  }
}
