import { eachInFlight } from '../../async/each-in-flight.ts';
import { encode } from '../../backup-set/base/document.ts';
import { asStowageError, isStowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { instantOf } from '../../backup-set/base/timestamps.ts';
import { SetKeyDocument } from '../../backup-set/documents/keys/set-key.ts';
import type { Identities } from '../../encryption/identities.ts';
import type { Kms } from '../../encryption/kms/kms.ts';
import { keyFrom } from '../../encryption/read-set-key.ts';
import { type Recipients, wrapSetKey } from '../../encryption/set-key.ts';
import type { Deps } from '../../functions/deps.ts';
import type { SetChange } from './change.ts';
import { type KeyedSetState, namedHost, namedSet } from './sets.ts';

const SETS_IN_FLIGHT = 4;

export interface RewrapOptions {
  readonly to: Recipients;
  readonly sets: readonly KeyedSetState[];
  readonly identities: Identities;
  readonly kms: Kms;
  readonly progress: (done: number, all: number) => void;
}

export interface Rewrapped {
  readonly written: number;
  readonly removed: number;
  readonly failed: readonly SetFailure[];
}

export interface SetFailure {
  readonly timestamp: string;
  readonly code: string;
  readonly message: string;
}

/**
 * Wraps the keys of sets again, and removes the older documents of a set when its new one is
 * stored. A failure of one set does not stop the others.
 */
export async function rewrap(
  deps: Deps,
  changes: readonly SetChange[],
  options: RewrapOptions,
): Promise<Rewrapped> {
  const states = new Map(options.sets.map((set) => [set.timestamp, set]));
  const failed: SetFailure[] = [];
  const written = new Set<string>();
  let [removed, done] = [0, 0];
  await eachInFlight(changes, SETS_IN_FLIGHT, async ({ timestamp, hostKey, removes }) => {
    const set = states.get(timestamp);
    if (set === undefined) return;
    try {
      await wrapAgain(deps, set, hostKey, options);
      written.add(timestamp);
      await deps.store.delete(removes, { signal: deps.signal });
      removed += removes.length;
    } catch (error) {
      if (isStowageError(error, 'interrupted')) throw error;
      const { code, message } = asStowageError(error);
      failed.push({ timestamp, code, message });
    }
    options.progress(++done, changes.length);
  });
  return { written: written.size, removed, failed };
}

async function wrapAgain(
  { store, clock, signal }: Deps,
  set: KeyedSetState,
  hostKey: string | undefined,
  { to, sets, identities, kms }: RewrapOptions,
): Promise<void> {
  const ofSet = namedSet(set, sets, store.url);
  const named = hostKey === undefined ? ofSet : namedHost(ofSet, hostKey);
  const host = set.hosts.find(({ keyId }) => keyId === hostKey);
  const raws = (host ?? set).keys.map(({ raw }) => raw);
  const key = await keyFrom(raws, named, identities, { signal });
  const wrappedAt = clock();
  const document = await wrapSetKey(to, { ...named, key }, { wrappedAt, kms, signal });
  const { timestamp } = set;
  const instant = instantOf(wrappedAt);
  const at =
    hostKey === undefined
      ? formatKey({ kind: 'set-key', timestamp, instant })
      : formatKey({ kind: 'host-key', timestamp, keyId: hostKey, instant });
  await store.create(at, encode(SetKeyDocument, document), { signal });
}
