import { StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import type { Plan } from '../../../backup-set/documents/plan.ts';
import type { Seal } from '../../../backup-set/documents/seal.ts';
import type { FileName } from '../../../backup-set/files/names.ts';
import type { FileKeys } from '../sealing/file-keys.ts';
import type { NamedSets } from './named-sets.ts';

/** What a proven increment says of one of its older sets. */
export interface Binding {
  readonly increment: string;
  /** Of the key of the older set. */
  readonly keyId: string;
  /** Of the keys that sealed its files; undefined: an earlier program has sealed the increment. */
  readonly hostKeys: readonly string[] | undefined;
}

/** Which older set a file must come from, so that gprestore gets rows of no other set. */
export interface BoundSets {
  /**
   * Empty: no encrypted increment is restored, or the file is one of it.
   * @throws StowageError `set/damaged` for rows of a set that the increment does not name; that the
   * increment cannot be proven.
   */
  of(file: Pick<FileName, 'timestamp' | 'hasRows'>): Promise<readonly Binding[]>;
}

export function boundSets(keys: Pick<FileKeys, 'headsOf'>, named: NamedSets): BoundSets {
  return {
    async of({ timestamp, hasRows }) {
      const found: Binding[] = [];
      const proven: string[] = [];
      const failed: Error[] = [];
      let hasUnbound = false;
      for (const increment of named.all()) {
        if (increment === timestamp) continue;
        try {
          const heads = await keys.headsOf(increment);
          if (heads === undefined) {
            hasUnbound = true;
            continue;
          }
          proven.push(increment);
          const binding = bindingIn(heads, timestamp);
          if (binding !== undefined) found.push({ increment, ...binding });
        } catch (error) {
          // A gprestore that was killed has left its name: its set may have expired since.
          failed.push(error as Error);
        }
      }
      if (found.length > 0) return found;
      // gprestore also asks for the tables of contents of sets that it takes no table from.
      if (!hasRows || named.all().includes(timestamp)) return [];
      // The row may be of that one: nothing binds it, and the other name may be one that was left.
      if (hasUnbound) return [];
      const [first] = failed;
      if (first !== undefined) throw first;
      if (proven.length === 0) return [];
      throw otherSet(timestamp, `the increment ${proven[0]} does not name it`);
    },
  };
}

function bindingIn(
  { plan, seal }: { readonly plan: Pick<Plan, 'encryption'>; readonly seal: Pick<Seal, 'older'> },
  timestamp: string,
): Omit<Binding, 'increment'> | undefined {
  const older = plan.encryption?.older?.find((one) => one.timestamp === timestamp);
  if (older === undefined) return undefined;
  const hostKeys = seal.older?.find((one) => one.timestamp === timestamp)?.hostKeys;
  return { keyId: older.keyId, hostKeys };
}

/**
 * Another program can have put a set of its own in the place of the older one.
 * @throws StowageError `set/damaged` naming the manifest.
 */
export function requireBound(
  bindings: readonly Binding[],
  { timestamp, encryption }: Pick<Manifest, 'timestamp' | 'encryption'>,
): void {
  const other = bindings.find(({ keyId }) => keyId !== encryption?.keyId);
  if (other === undefined) return;
  const why = `the increment ${other.increment} was made from another one (its key is another one)`;
  throw otherSet(timestamp, why);
}

function otherSet(timestamp: string, why: string): StowageError {
  const object = formatKey({ kind: 'manifest', timestamp });
  return new StowageError(
    'set/damaged',
    `set ${timestamp}: ${object}: ${why}: another program has put it there`,
    { where: { set: timestamp, object } },
  );
}
