import type { Name } from '../../../backup-set/base/document.ts';
import type { Sealing } from '../../../frame/seal/sealing.ts';
import { sealingOf } from '../../../segment-shipper/protocol/sealing.ts';
import { type BackupKeys, encryptionOf, sealingKeysOf } from '../../backup/keys/backup-keys.ts';
import type { DraftedPlan } from './plan.ts';

/** The plan says that the set is encrypted, and by which key. */
export function sealedPlan(drafted: DraftedPlan, keys: BackupKeys | undefined): DraftedPlan {
  if (keys === undefined) return drafted;
  const { plan } = drafted;
  const features = [...(plan.features ?? []), 'encrypted' as const];
  return { ...drafted, plan: { ...plan, features, encryption: encryptionOf(keys) } };
}

/** How the rows and files of a content of an adopted set are encrypted. */
export function sealingOfContent(
  keys: BackupKeys | undefined,
  { timestamp, content }: { readonly timestamp: string; readonly content: number },
  nameOf: (relation: number) => Name | undefined,
): Sealing | undefined {
  if (keys === undefined) return undefined;
  const sealing = sealingOf(sealingKeysOf(keys, timestamp, content), []);
  return { ...sealing, nameOf: (relation) => nameOf(relation) ?? sealing.nameOf(relation) };
}
