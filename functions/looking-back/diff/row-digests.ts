import { sha256 } from '../../../backup-set/base/document.ts';
import { setPrefix } from '../../../backup-set/base/keys.ts';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import type { Manifest, ManifestPart } from '../../../backup-set/documents/manifest.ts';
import { tableKey } from '../../../backup-set/numbers/tables.ts';
import type { Deps } from '../../deps.ts';
import { readPart } from '../../stored/read-part.ts';

/** The digests of the rows of chosen tables of a set. */
export interface RowDigests {
  /** The same text for two sets: the table has the same rows in both. */
  readonly digests: ReadonlyMap<string, string>;
  /** Tables with a frame without a digest, or of another key: texts that differ say nothing. */
  readonly uncertain: ReadonlySet<string>;
  /** Parts of the manifest that could not be read. */
  readonly unreadable: readonly Problem[];
}

/**
 * Digests of the frames of tables, over all contents. Reads the parts of the manifest one after the
 * other, and keeps one text per table. The order of frames does not count: several connections
 * store them as they come. The same rows in the same order give the same frames
 * (docs/design/0016-content-defined-frames.md).
 * @param wanted keys of tables.
 */
export async function rowDigests(
  deps: Deps,
  manifest: Manifest,
  wanted: ReadonlySet<string>,
): Promise<RowDigests> {
  const keys = new Map(
    manifest.relations
      .map((relation) => [relation.id, tableKey(relation)] as const)
      .filter(([, key]) => wanted.has(key)),
  );
  const found = new Map<string, string[]>();
  const uncertain = new Set<string>();
  const unreadable: Problem[] = [];
  for (const { content } of manifest.contents) {
    deps.signal?.throwIfAborted();
    const part = await readPart(deps, manifest, content);
    if (part.ok) addPart(part.value, keys, { found, uncertain, isForeign: foreignTo(manifest) });
    else unreadable.push(part.failure);
  }
  return {
    digests: new Map([...found].map(([key, texts]) => [key, digestOf(texts)])),
    uncertain,
    unreadable,
  };
}

/** Whether the digests of a pack were made with another digest key than those of the set. */
function foreignTo({ encryption }: Manifest): (pack: string) => boolean {
  if (encryption === undefined) return () => false;
  const others = (encryption.older ?? [])
    .filter(({ digestKeyId }) => digestKeyId !== encryption.digestKeyId)
    .map(({ timestamp }) => setPrefix(timestamp));
  return (pack) => others.some((prefix) => pack.startsWith(prefix));
}

/** Whether the digests of two sets can be compared: those of encrypted sets are keyed. */
export function hasSameDigestKey(one: Manifest, other: Manifest): boolean {
  return (
    (one.encryption === undefined) === (other.encryption === undefined) &&
    one.encryption?.digestKeyId === other.encryption?.digestKeyId
  );
}

interface Adding {
  readonly found: Map<string, string[]>;
  readonly uncertain: Set<string>;
  readonly isForeign: (pack: string) => boolean;
}

function addPart(
  part: ManifestPart,
  keys: ReadonlyMap<number, string>,
  { found, uncertain, isForeign }: Adding,
): void {
  const ofTables = new Map<string, string[]>();
  for (const { key: pack, extents } of part.packs)
    for (const { relation, digest, offset } of extents) {
      const key = keys.get(relation);
      if (key === undefined) continue;
      if (digest === undefined || isForeign(pack)) uncertain.add(key);
      const frames = ofTables.get(key) ?? [];
      if (frames.length === 0) ofTables.set(key, frames);
      // Without a digest, the same bytes of the same pack are still the same rows.
      frames.push(digest ?? `${pack}:${offset}`);
    }
  for (const [key, frames] of ofTables) {
    const texts = found.get(key) ?? [];
    found.set(key, texts);
    texts.push(`${part.content}:${digestOf(frames)}`);
  }
}

const digestOf = (texts: readonly string[]) =>
  sha256(new TextEncoder().encode(texts.toSorted().join('\n')));
