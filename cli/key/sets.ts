import { mapInFlight } from '../../async/each-in-flight.ts';
import { decode, type RawDocument } from '../../backup-set/base/document.ts';
import { messageOf } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { SetKeyDocument } from '../../backup-set/documents/keys/set-key.ts';
import { Plan } from '../../backup-set/documents/plan.ts';
import {
  listKeyDocuments,
  type NamedSet,
  readKeyDocuments,
} from '../../encryption/read-set-key.ts';
import type { Deps } from '../../functions/deps.ts';
import { listTimestamps } from '../../functions/sets/list.ts';
import { readSetDocument } from '../../functions/sets/status.ts';

const SETS_IN_FLIGHT = 8;

/** A key document of a set. */
export interface StoredSetKey {
  readonly raw: RawDocument;
  /** Undefined: it cannot be read, for the reason in `problem`. */
  readonly document: SetKeyDocument | undefined;
  readonly problem?: string;
}

/** A set below a root, as far as its key is concerned. */
export interface KeyedSetState {
  readonly timestamp: string;
  /** Of its plan; undefined where no plan was read, or an expired set has none any more. */
  readonly root: string | undefined;
  readonly keyId: string | undefined;
  /** What the plan says; undefined = not known. */
  readonly isEncrypted: boolean | undefined;
  /** It is complete and encrypted, and its key document is missing. */
  readonly isLost?: boolean;
  /** Oldest first. */
  readonly keys: readonly StoredSetKey[];
  /** Keys with which hosts have sealed its files. Without one of them, some files are lost. */
  readonly hosts: readonly HostKeyState[];
}

/** One key of a host, and the documents that hold it, oldest first. */
export interface HostKeyState {
  readonly keyId: string;
  readonly keys: readonly StoredSetKey[];
}

/**
 * All sets of a root with their key documents, oldest first; also expired sets whose packs newer
 * sets use. `without-key` reads plans of sets without a key document only: some have lost theirs.
 */
export async function setsWithKeys(
  deps: Deps,
  options: {
    readonly plans: 'all' | 'without-key';
    readonly progress: (done: number, all: number) => void;
  },
): Promise<KeyedSetState[]> {
  const timestamps = await listTimestamps(deps.store, { signal: deps.signal });
  let done = 0;
  const sets = await mapInFlight(timestamps, SETS_IN_FLIGHT, async (timestamp) => {
    const set = await keysOfSet(deps, timestamp);
    const wantsPlan = options.plans === 'all' || set.keys.length === 0 || set.hosts.length > 0;
    const plan = wantsPlan ? await planOf(deps, timestamp) : undefined;
    const { hostKeys, ...facts } = plan ?? {};
    const hosts = plan === undefined ? set.hosts : namedHosts(set.hosts, hostKeys);
    options.progress(++done, timestamps.length);
    return { ...set, ...facts, hosts, ...(await lostKey(deps, { ...set, ...plan })) };
  });
  // An expired set has no plan any more; the plans of the sets that use its packs name its key.
  const named = new Map(
    sets.flatMap(({ older = [] }) => older).map((each) => [each.timestamp, each.keyId]),
  );
  return sets.map(({ older: _, ...set }) => ({
    ...set,
    keyId: set.keyId ?? named.get(set.timestamp),
  }));
}

/** A set with its key documents, without its plan. */
export async function keysOfSet(
  { store, signal }: Deps,
  timestamp: string,
): Promise<KeyedSetState> {
  const { ofSet, ofHosts } = await listKeyDocuments(store, timestamp, { signal });
  const read = async (keys: readonly string[]) =>
    (await readKeyDocuments(store, keys, { signal })).map(parsed);
  const hosts: HostKeyState[] = [];
  for (const [keyId, keys] of ofHosts) hosts.push({ keyId, keys: await read(keys) });
  const unknown = { root: undefined, keyId: undefined, isEncrypted: undefined };
  return { timestamp, ...unknown, keys: await read(ofSet), hosts };
}

/** The keys of hosts that the plan of a set names: documents of others are no part of the set. */
export function namedHosts(
  hosts: readonly HostKeyState[],
  keyIds: readonly string[] = [],
): HostKeyState[] {
  return keyIds.map((keyId) => hosts.find((host) => host.keyId === keyId) ?? { keyId, keys: [] });
}

async function planOf(deps: Deps, timestamp: string) {
  const { document } = await readSetDocument(deps, timestamp, 'plan', Plan);
  if (document === undefined) return undefined;
  const { root, encryption } = document;
  const { keyId, older, hostKeys } = encryption ?? {};
  return { root, keyId, older, hostKeys, isEncrypted: encryption !== undefined };
}

/** A complete set without its key is lost; a backup that failed early may have stored none. */
async function lostKey({ store, signal }: Deps, { timestamp, isEncrypted, keys }: KeyedSetState) {
  if (isEncrypted !== true || keys.length > 0) return {};
  const manifest = await store.head(formatKey({ kind: 'manifest', timestamp }), { signal });
  return { isEncrypted: manifest !== undefined, isLost: manifest !== undefined };
}

function parsed(raw: RawDocument): StoredSetKey {
  try {
    return { raw, document: decode(SetKeyDocument, raw) };
  } catch (error) {
    return { raw, document: undefined, problem: messageOf(error) };
  }
}

/** The recipients of a document by name: `age1…`, or the ARN of a key of KMS. */
export function recipientsOf({ recipients }: Pick<SetKeyDocument, 'recipients'>): string[] {
  return recipients.map((one) => (one.kind === 'age' ? one.recipient : one.keyArn));
}

/** The recipients that can open a key: those of any of its documents. */
export function allRecipients({ keys }: Pick<HostKeyState, 'keys'>): string[] {
  const all = keys.flatMap(({ document }) =>
    document === undefined ? [] : recipientsOf(document),
  );
  return [...new Set(all)].toSorted();
}

/** The recipients that can open a set: each of its keys. */
export function openersOf({ keys, hosts }: Pick<KeyedSetState, 'keys' | 'hosts'>): string[] {
  const ofHosts = hosts.map((host) => new Set(allRecipients(host)));
  return allRecipients({ keys }).filter((one) => ofHosts.every((others) => others.has(one)));
}

/** A key of a host as its documents name it. @param set of `namedSet`. */
export const namedHost = (set: NamedSet, keyId: string): NamedSet => ({
  ...set,
  keyId,
  ofHost: true,
});

/** A set as its key document names it. All sets of a root have the same root in their plans. */
export function namedSet(
  { timestamp, root, keyId }: KeyedSetState,
  sets: readonly KeyedSetState[],
  url: string,
): NamedSet {
  const other = sets.findLast((set) => set.root !== undefined)?.root ?? url;
  return { timestamp, root: root ?? other, ...(keyId !== undefined && { keyId }) };
}
