import { decode, sha256 } from '../../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import type { Deps } from '../../../functions/deps.ts';
import { retentionOf } from '../../../functions/retention/marks.ts';
import { damagedPacksUsedBy } from '../../../functions/sets/damaged-packs.ts';
import { currentVerdict } from '../../../functions/stored/current-verdict.ts';
import { readDocument } from '../../../functions/stored/load.ts';
import { newestSets } from '../../../functions/stored/newest.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { selectionOf } from '../../config/config.ts';
import type { ClusterContext } from '../../context.ts';
import { functionDeps } from '../../wait-for-functions.ts';
import { encryptsBackups } from '../keys/backup-keys.ts';

/** The set whose frames a new set can use. */
export interface ChosenBase {
  readonly manifest: Manifest;
  readonly manifestSha256: string;
}

/** What the user wants: the newest set that fits, no set, or this one. */
export type WantedBase = 'newest' | 'none' | { readonly timestamp: string };

/** Sets of this database that are looked at: some have failed, or are damaged. */
const SETS_MAX = 10;
/** Sets of all databases of the root: each costs the reading of a manifest. */
const LOOKED_AT_MAX = 200;

/**
 * Chooses the base of a backup.
 * @throws StowageError `usage/flag` when the wanted set cannot be a base.
 */
export async function chooseBase(
  context: ClusterContext,
  store: ObjectStore,
  wanted: WantedBase,
): Promise<ChosenBase | undefined> {
  const deps = functionDeps(context, store);
  if (typeof wanted === 'object') {
    const base = await readBase(deps, context, wanted.timestamp);
    if (!('why' in base)) return base;
    throw new StowageError(
      'usage/flag',
      `set ${wanted.timestamp} cannot be the base of a backup: ${base.why}. Leave out --base to use the newest set that can`,
      { where: { set: wanted.timestamp } },
    );
  }
  if (wanted === 'none') return undefined;
  try {
    return await newestBase(deps, context);
  } catch (error) {
    // Without the right to read sets a backup is possible: it stores everything.
    if (!isStowageError(error, 'storage/denied')) throw error;
    context.log.warn({ err: error }, 'no base: the sets of the root cannot be read');
    return undefined;
  }
}

async function newestBase(deps: Deps, context: ClusterContext): Promise<ChosenBase | undefined> {
  const selection = JSON.stringify(selectionOf(context.config));
  let newest: ChosenBase | undefined;
  let rejected: { readonly set: string; readonly reason: string } | undefined;
  let [sets, lookedAt] = [0, 0];
  for await (const timestamp of newestSets(deps)) {
    if (sets === SETS_MAX || lookedAt++ === LOOKED_AT_MAX) break;
    const base = await readBase(deps, context, timestamp);
    if ('why' in base) {
      const found = { set: timestamp, reason: base.why };
      context.log.debug(found, 'not a base');
      if (base.isOfAnother === true) continue;
      sets++;
      rejected ??= found;
      continue;
    }
    // A newer set of some tables would leave the others without a base.
    if (JSON.stringify(base.manifest.selection) === selection) return base;
    newest ??= base;
    sets++;
  }
  if (newest === undefined && rejected !== undefined) {
    context.log.warn(rejected, 'no base: this backup stores all rows');
    const { set, reason } = rejected;
    const text = `this backup stores all rows, because set ${set} cannot be its base: ${reason}`;
    context.output.note('no-base', rejected, text);
  }
  return newest;
}

interface NotABase {
  readonly why: string;
  /** It is a set of another database. */
  readonly isOfAnother?: true;
}

async function readBase(
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
  const verdict = await currentVerdict(deps, timestamp, { isCommitted: true });
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
