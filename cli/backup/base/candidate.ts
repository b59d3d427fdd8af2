import { decode, sha256 } from '../../../backup-set/base/document.ts';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import type { Deps } from '../../../functions/deps.ts';
import { retentionOf } from '../../../functions/retention/marks.ts';
import { damagedPacksUsedBy } from '../../../functions/sets/damaged-packs.ts';
import { judgementOf } from '../../../functions/stored/judgement.ts';
import { readDocument } from '../../../functions/stored/load.ts';
import type { ClusterContext } from '../../context.ts';
import { proofFault } from '../../keys/prove.ts';
import { coordinatorFault } from '../../keys/seal-macs.ts';
import { type BackupKeys, encryptsBackups } from '../keys/backup-keys.ts';

/** The set whose frames a new set can use. */
export interface ChosenBase {
  readonly manifest: Manifest;
  readonly manifestSha256: string;
}

/** Why a set cannot be the base. */
export interface NotABase {
  readonly why: string;
  /** It is a set of another database. */
  readonly isOfAnother?: true;
  /** Its documents may be forged. */
  readonly isUnproven?: true;
}

/** Reads the manifest of a set, and whether a backup with this configuration can use its frames. */
export async function readBase(
  deps: Deps,
  { config }: ClusterContext,
  timestamp: string,
): Promise<ChosenBase | NotABase> {
  const raw = await readDocument(deps, formatKey({ kind: 'manifest', timestamp }));
  if (raw === undefined) return { why: 'it has no manifest' };
  let manifest: Manifest;
  try {
    manifest = decode(Manifest, raw);
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    return { why: 'its manifest cannot be read' };
  }
  for (const field of ['cluster', 'database', 'flavour'] as const)
    if (manifest[field] !== config[field])
      return { why: `its ${field} is ${manifest[field]}`, isOfAnother: true };
  if (manifest.files !== undefined) return { why: 'it consists of files of gpbackup' };
  const encrypts = encryptsBackups(config);
  if (encrypts !== (manifest.encryption !== undefined))
    return { why: `it is ${encrypts ? 'not ' : ''}encrypted` };
  if ((await retentionOf(deps, timestamp)).state !== 'living') return { why: 'it has expired' };
  // Packs of a copy have other ETags than its receipts.
  if (manifest.root !== deps.store.url) return { why: `it was first written to ${manifest.root}` };
  const { verdict, hidden } = await judgementOf(deps, timestamp, { isCommitted: true });
  if (hidden !== undefined) return { why: `its verdict cannot be read: ${hidden.message}` };
  if (verdict === undefined) return { why: 'it has not been validated' };
  if (verdict.status !== 'complete') return { why: `it is ${verdict.status}` };
  // A pack that is damaged where it lies is damaged in every set that uses it.
  const { needs } = manifest;
  const [pack] = await damagedPacksUsedBy(deps, { timestamp, needs, verdict });
  if (pack !== undefined)
    return {
      why: `it uses ${pack.object}, which the check of set ${pack.foundIn} found damaged`,
    };
  return { manifest, manifestSha256: sha256(raw.bytes) };
}

/** Under which key the documents of a base are proven. */
export type Proving = Pick<BackupKeys, 'digestKey'> | undefined;

/**
 * Why nothing proves that a coordinator with our digest key made a set. The new set would carry the
 * rows of a forged base, or of an edited manifest, under a mac of its own that is right.
 * Undefined: it is proven, or the backup is not encrypted.
 */
export async function unprovenBase(
  deps: Deps,
  { manifest }: ChosenBase,
  keys: Proving,
): Promise<NotABase | undefined> {
  if (keys === undefined) return undefined;
  const { digestKey } = keys;
  if (digestKey === undefined)
    return {
      why: 'encryption.digestKeyFile is not set, so nothing proves that a backup of yours made it. `stowage key new --digest-key FILE` makes a key',
    };
  try {
    const fault = await proofFault(deps, manifest, (seal) => coordinatorFault(digestKey, seal));
    return fault && { why: `it is not proven: ${fault.object}: ${fault.why}`, isUnproven: true };
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable', 'set/damaged')) throw error;
    return { why: `it is not proven: ${error.message}`, isUnproven: true };
  }
}
