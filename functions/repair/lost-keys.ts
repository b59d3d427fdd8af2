import { decode, type RawDocument } from '../../backup-set/base/document.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { hostKeyPrefix, parseKey, setKeysPrefix } from '../../backup-set/base/keys.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import { SET_KEY_BYTES_MAX, SetKeyDocument } from '../../backup-set/documents/keys/set-key.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { Deps } from '../deps.ts';
import { readAll } from '../stored/load.ts';
import { setsOfKeys, storedSetKeys } from '../stored/set-keys.ts';
import type { RepairRoots } from './reference.ts';
import type { RepairItem } from './repair-plan.ts';

interface LostKeys {
  readonly items: RepairItem[];
  readonly lost: Problem[];
}

/**
 * The documents to bring back for the keys of an encrypted set of which no document is left. Where
 * one is left, none is added: another can be missing because its recipient was removed.
 */
export async function lostKeys({ to, from }: RepairRoots, manifest: Manifest): Promise<LostKeys> {
  const found: LostKeys = { items: [], lost: [] };
  for (const wanted of wantedKeys(manifest)) {
    const { timestamp, ofHost } = wanted;
    const own = await readKeys(to, wanted);
    if (own.sound.length > 0) continue;
    const damaged = new Set(own.damaged.map(({ key }) => key));
    const { sound } = await readKeys(from, wanted);
    for (const { key, bytes } of sound)
      found.items.push({
        key,
        bytes: bytes.length,
        state: damaged.has(key) ? 'damaged' : 'missing',
        good: { document: bytes },
      });
    if (sound.length > 0) continue;
    const [what, object] =
      ofHost === undefined
        ? [`the key of set ${timestamp}`, setKeysPrefix(timestamp)]
        : [`the key ${ofHost} of a host of set ${timestamp}`, hostKeyPrefix(timestamp, ofHost)];
    const message = `no document with ${what} is left, and none under ${from.store.url}`;
    found.lost.push({ code: 'key-missing', object, message });
  }
  return found;
}

/** A key that the set needs. */
interface WantedKey {
  readonly timestamp: string;
  /** Undefined: no document says it. */
  readonly keyId: string | undefined;
  /** The id of a key of a host. */
  readonly ofHost?: string;
}

function wantedKeys(manifest: Manifest): WantedKey[] {
  const { timestamp, encryption } = manifest;
  const ids = keyIdsOf(manifest);
  const ofSets = setsOfKeys(manifest).map((of) => ({ timestamp: of, keyId: ids.get(of) }));
  const hosts = encryption?.hostKeys ?? [];
  return [...ofSets, ...hosts.map((keyId) => ({ timestamp, keyId, ofHost: keyId }))];
}

type KeyIds = ReadonlyMap<string, string>;

function keyIdsOf({ timestamp, encryption }: Manifest): KeyIds {
  const older = encryption?.older?.map((one) => [one.timestamp, one.keyId] as const) ?? [];
  return new Map(encryption ? [...older, [timestamp, encryption.keyId]] : []);
}

async function readKeys(deps: Deps, { timestamp, keyId, ofHost }: WantedKey) {
  const stored = await storedSetKeys(deps, timestamp);
  const keys = stored
    .filter(({ bytes }) => bytes <= SET_KEY_BYTES_MAX)
    .map(({ key }) => key)
    .filter((key) => hostOf(key) === ofHost);
  const sound: RawDocument[] = [];
  const damaged: RawDocument[] = [];
  for (const raw of await readAll(deps, keys))
    (isOf(raw, timestamp, keyId) ? sound : damaged).push(raw);
  return { sound, damaged };
}

/** Of which key of a host a document is; undefined: of the set. */
function hostOf(text: string): string | undefined {
  const key = parseKey(text);
  return key?.kind === 'host-key' ? key.keyId : undefined;
}

/** Whether it can hold the key of the set: without an identity, what it holds cannot be read. */
function isOf(raw: RawDocument, timestamp: string, keyId: string | undefined): boolean {
  try {
    const document = decode(SetKeyDocument, raw);
    return document.timestamp === timestamp && document.keyId === (keyId ?? document.keyId);
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    return false;
  }
}
