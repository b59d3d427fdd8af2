import type { Recipients } from '../../encryption/set-key.ts';
import { allRecipients, type KeyedSetState, recipientsOf } from './sets.ts';

/**
 * The recipients in the bucket's documents are what any writer of the bucket says. So a key is
 * wrapped for recipients of the command line and the configuration only.
 */
export type Change =
  | { readonly kind: 'add'; readonly to: Recipients }
  | { readonly kind: 'remove'; readonly recipient: string; readonly to: Recipients }
  | { readonly kind: 'rotate'; readonly to: Recipients };

/** What is done for one set. An interrupted run is run again. */
export interface SetChange {
  readonly timestamp: string;
  /** The key that changes is that of a host with this id. Absent: the key of the set. */
  readonly hostKey?: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** The keys of the documents that go when the new one is stored. */
  readonly removes: readonly string[];
  /** Why the set cannot be changed. */
  readonly problem?: string;
}

/** What is said of a complete set without its key document. */
export const LOST =
  'its key document is missing, so no identity opens it: `stowage repair --from` fetches it from a copy under another root';

/** The same of a key with which a host has sealed files of a set. */
export const LOST_HOST =
  'a key of one of its hosts is missing, so no identity opens the files of that host: `stowage repair --from` fetches it from a copy under another root';

/** The sets that change, and those that cannot. Pure. */
export function planChange(sets: readonly KeyedSetState[], change: Change): SetChange[] {
  return sets.flatMap(({ hosts, ...set }) => {
    const ofHosts = hosts.flatMap(({ keyId, keys }) => {
      const one = { ...set, keys, hostKey: keyId };
      return keys.length > 0 ? (changeOf(one, change) ?? []) : [lostOf(one)];
    });
    if (set.keys.length > 0) return [...listed(changeOf(set, change)), ...ofHosts];
    return [...(set.isLost === true ? [lostOf(set)] : []), ...ofHosts];
  });
}

export const namesOf = ({ recipients, kms }: Recipients): string[] => [
  ...recipients,
  ...(kms === undefined ? [] : [kms]),
];

/** An alias or id of KMS cannot be compared with the ARN in a document: any key of KMS counts. */
export function isSame(stored: string, named: string): boolean {
  if (stored === named) return true;
  return stored.startsWith('arn:') && !named.startsWith('arn:') && !named.startsWith('age1');
}

const listed = <Item>(item: Item | undefined) => (item === undefined ? [] : [item]);

/** A key of a set, or of a host that has sealed files of it. */
type OneKey = Pick<KeyedSetState, 'timestamp' | 'keys'> & Pick<SetChange, 'hostKey'>;

const which = ({ timestamp, hostKey }: Omit<OneKey, 'keys'>) => ({
  timestamp,
  ...(hostKey !== undefined && { hostKey }),
});

const lostOf = (key: OneKey): SetChange => ({
  ...which(key),
  ...{ before: [], after: [], removes: [] },
  problem: key.hostKey === undefined ? LOST : LOST_HOST,
});

function changeOf(set: OneKey, change: Change): SetChange | undefined {
  const { keys } = set;
  const before = allRecipients(set);
  const names = namesOf(change.to);
  if (change.kind === 'add') {
    const [added = ''] = names;
    if (before.some((stored) => isSame(stored, added))) return undefined;
    return { ...which(set), before, after: [...before, added], removes: [] };
  }
  const removes = keys.map(({ raw }) => raw.key);
  const made = { ...which(set), before, after: names, removes };
  if (change.kind === 'rotate') return isInOrder(set, names) ? undefined : made;
  const { recipient } = change;
  if (!before.some((stored) => isSame(stored, recipient))) return undefined;
  const unknown = before.filter(
    (stored) => !isSame(stored, recipient) && !names.some((named) => isSame(stored, named)),
  );
  if (unknown.length === 0) return made;
  return {
    ...made,
    problem: `the configuration does not name ${unknown.join(', ')}, and would take the set from it: add it to encryption.recipients, or use \`stowage key rotate\``,
  };
}

/** One document, for exactly these recipients: nothing was interrupted, and none is too many. */
function isInOrder({ keys }: OneKey, names: readonly string[]): boolean {
  const [only, ...others] = keys;
  if (only?.document === undefined || others.length > 0) return false;
  const stored = recipientsOf(only.document);
  return (
    stored.length === names.length &&
    names.every((named) => stored.some((one) => isSame(one, named)))
  );
}
