import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decode, sha256 } from '../../backup-set/base/document.ts';
import { formatKey, parseKey, SETS } from '../../backup-set/base/keys.ts';
import { Manifest, ManifestPart } from '../../backup-set/documents/manifest.ts';
import type { SourceExtent } from '../../backup-set/documents/restore/restore.ts';
import { parseIdentities } from '../../encryption/identities.ts';
import { readHostKeys } from '../../encryption/read-host-keys.ts';
import { readSetKey } from '../../encryption/read-set-key.ts';
import { fileContext } from '../../frame/seal/context.ts';
import { contentKey } from '../../frame/seal/derive.ts';
import { opening } from '../../frame/seal/open.ts';
import { type SetKeys, setKeysOf } from '../../frame/seal/set-keys.ts';
import { opensFor } from '../../segment-shipper/read/opens.ts';
import { rowsOf } from '../../segment-shipper/read/rows-of.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { rowSum } from '../model/truth.ts';

/** Roots that earlier programs wrote: a folder each, with `expected.json` beside its `root`. */
export const GOLDEN = fileURLToPath(new URL('sets/', import.meta.url));

/**
 * Timestamp → content → schema.table → number and digest of its rows; of a file of gpbackup, name →
 * size and digest.
 */
export type Expected = Readonly<
  Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>
>;

export async function goldenRoots(): Promise<string[]> {
  const names = await readdir(GOLDEN).catch(() => []);
  return names.toSorted();
}

export const expectedOf = async (name: string): Promise<Expected> =>
  JSON.parse(await readFile(join(GOLDEN, name, 'expected.json'), 'utf8'));

/** The rows of every complete set of a root, as a reader finds them. */
export async function rowsIn(store: ObjectStore, identity: string | undefined): Promise<Expected> {
  const found: Record<string, Record<string, Record<string, string>>> = {};
  for await (const { key } of store.list(SETS)) {
    const place = parseKey(key);
    if (place?.kind !== 'manifest') continue;
    const { timestamp } = place;
    const manifest = decode(Manifest, { key, bytes: await store.read(key, { bytesMax: 1e8 }) });
    const keys = identity === undefined ? undefined : await keysOf(store, manifest, identity);
    const contents: Record<string, Record<string, string>> = {};
    for (const { content } of manifest.contents)
      contents[content] = await rowsOfContent(store, manifest, content, keys);
    found[timestamp] = contents;
  }
  return found;
}

async function rowsOfContent(
  store: ObjectStore,
  manifest: Manifest,
  content: number,
  keys: SetKeys | undefined,
): Promise<Record<string, string>> {
  const { timestamp } = manifest;
  const key = formatKey({ kind: 'manifest-part', timestamp, content });
  const part = decode(ManifestPart, { key, bytes: await store.read(key, { bytesMax: 1e8 }) });
  const extents = part.packs.flatMap((pack) =>
    pack.extents.map((extent) => ({ ...extent, key: pack.key })),
  );
  const found: Record<string, string> = {};
  for (const { relation } of part.relations) {
    const named = manifest.relations[relation];
    if (named === undefined) throw new Error(`relation ${relation} is not in the manifest`);
    const own: SourceExtent[] = extents.filter((extent) => extent.relation === relation);
    const sum = rowSum();
    const options = { signal: new AbortController().signal, ...opensFor(keys, named) };
    for await (const chunk of rowsOf(store, own, options)) sum.add(chunk);
    const { rows, digest } = sum.result();
    found[`${named.schema}.${named.name}`] = `${rows} ${digest}`;
  }
  for (const file of part.files ?? []) found[file.file] = await fileSum(store, file, keys);
  return found;
}

async function fileSum(
  store: ObjectStore,
  { key, keyId }: { readonly key: string; readonly keyId?: string | undefined },
  keys: SetKeys | undefined,
): Promise<string> {
  const stored = store.get(key);
  const plain = keys ? opening(keys.of(key, keyId), fileContext(key), stored) : stored;
  const bytes = Buffer.concat(await Array.fromAsync(plain));
  return `${bytes.length} ${sha256(bytes)}`;
}

async function keysOf(store: ObjectStore, manifest: Manifest, text: string): Promise<SetKeys> {
  const { timestamp, root, needs, encryption, contents } = manifest;
  if (encryption === undefined) return setKeysOf([]);
  const identities = { age: await parseIdentities(text, 'the golden identity') };
  const passed = [];
  for (const set of [timestamp, ...needs]) {
    const own = set === timestamp ? { keyId: encryption.keyId } : {};
    const key = await readSetKey(store, { timestamp: set, root, ...own }, identities, {});
    for (const { content } of contents)
      passed.push({
        timestamp: set,
        content,
        key: contentKey(key, set, content).toString('base64'),
      });
  }
  const ofSets = setKeysOf(passed);
  const { hostKeys = [] } = encryption;
  const hosts = await readHostKeys(store, { timestamp, root }, hostKeys, { identities });
  return {
    of(object, keyId) {
      const place = parseKey(object);
      const host = keyId === undefined ? undefined : hosts.get(keyId);
      if (host === undefined || place?.kind !== 'file') return ofSets.of(object, keyId);
      return contentKey(host, timestamp, place.content);
    },
  };
}
