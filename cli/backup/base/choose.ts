import { isStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import type { Deps } from '../../../functions/deps.ts';
import { newestSets } from '../../../functions/stored/newest.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { selectionOf } from '../../config/config.ts';
import type { ClusterContext } from '../../context.ts';
import { printable } from '../../output/format.ts';
import { functionDeps } from '../../wait-for-functions.ts';
import {
  type ChosenBase,
  type NotABase,
  type Proving,
  readBase,
  unprovenBase,
} from './candidate.ts';

/** What the user wants: the newest set that fits, no set, or this one. */
export type WantedBase = 'newest' | 'none' | { readonly timestamp: string };

/** Sets of this database that are looked at: some have failed, or are damaged. */
const SETS_MAX = 10;
/** Sets of all databases of the root: each costs the reading of a manifest. */
const LOOKED_AT_MAX = 200;

/**
 * Chooses the base of a backup.
 * @param keys of an encrypted backup: only a set that its digest key proves can be the base.
 * @throws StowageError `usage/flag` when the wanted set cannot be a base.
 */
export async function chooseBase(
  context: ClusterContext,
  store: ObjectStore,
  wanted: WantedBase,
  keys: Proving,
): Promise<ChosenBase | undefined> {
  const deps = functionDeps(context, store);
  if (typeof wanted === 'object') {
    const read = await readBase(deps, context, wanted.timestamp);
    const base = 'why' in read ? read : ((await unprovenBase(deps, read, keys)) ?? read);
    if (!('why' in base)) return base;
    throw new StowageError(
      'usage/flag',
      `set ${wanted.timestamp} cannot be the base of a backup: ${base.why}. Leave out --base to use the newest set that can`,
      { where: { set: wanted.timestamp } },
    );
  }
  if (wanted === 'none') return undefined;
  try {
    const found = await newestBase(deps, context, keys);
    noteRejected(context, found);
    return found.base;
  } catch (error) {
    // Without the right to read sets a backup is possible: it stores everything.
    if (!isStowageError(error, 'storage/denied')) throw error;
    context.log.warn({ err: error }, 'no base: the sets of the root cannot be read');
    return undefined;
  }
}

interface Found {
  readonly base: ChosenBase | undefined;
  /** Newer sets of this database, the newest first. */
  readonly rejected: readonly Rejected[];
}

type Rejected = NotABase & { readonly set: string };

async function newestBase(deps: Deps, context: ClusterContext, keys: Proving): Promise<Found> {
  const selection = JSON.stringify(selectionOf(context.config));
  const rejected: Rejected[] = [];
  let base: ChosenBase | undefined;
  let [sets, lookedAt] = [0, 0];
  for await (const timestamp of newestSets(deps)) {
    if (sets === SETS_MAX || lookedAt++ === LOOKED_AT_MAX) break;
    const read = await readBase(deps, context, timestamp);
    if ('why' in read && read.isOfAnother === true) continue;
    sets++;
    // A newer set of some tables would leave the others without a base.
    const isSame = 'manifest' in read && JSON.stringify(read.manifest.selection) === selection;
    if ('manifest' in read && !isSame && base !== undefined) continue;
    const one = 'why' in read ? read : ((await unprovenBase(deps, read, keys)) ?? read);
    if ('why' in one) rejected.push({ ...one, set: timestamp });
    else if (isSame) return { base: one, rejected };
    else base = one;
  }
  return { base, rejected };
}

/** Says why there is no base; and always, that a set may be forged. */
function noteRejected({ log, output }: ClusterContext, { base, rejected }: Found): void {
  for (const [nth, { set, why, isUnproven }] of rejected.entries()) {
    const found = { set, reason: why };
    if (base === undefined && nth === 0) {
      log.warn(found, 'no base: this backup stores all rows');
      const text = `this backup stores all rows, because set ${set} cannot be its base: ${why}`;
      output.note('no-base', found, printable(text));
    } else if (isUnproven === true) {
      log.warn(found, 'not a base: it is not proven');
      output.note('base-unproven', found, printable(`set ${set} cannot be a base: ${why}`));
    } else log.debug(found, 'not a base');
  }
}
