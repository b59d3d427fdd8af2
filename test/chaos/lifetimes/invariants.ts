import { decode } from '../../../backup-set/base/document.ts';
import { formatKey, parseKey } from '../../../backup-set/base/keys.ts';
import { Manifest, ManifestPart, objectsOf } from '../../../backup-set/documents/manifest.ts';
import type { ChaosStore, Stored } from '../chaos-store.ts';

type Objects = ReadonlyMap<string, Stored>;

/** Sets that have a manifest. */
export function completeSets(objects: Objects): string[] {
  return [...objects.keys()].flatMap((key) => {
    const parsed = parseKey(key);
    return parsed?.kind === 'manifest' ? [parsed.timestamp] : [];
  });
}

/** The older sets whose packs a complete set uses. Undefined = the set has no manifest. */
export function usedBy(objects: Objects, timestamp: string): readonly string[] | undefined {
  const key = formatKey({ kind: 'manifest', timestamp });
  const stored = objects.get(key);
  return stored && decode(Manifest, { key, bytes: stored.bytes }).needs;
}

const needs = new WeakMap<Stored, readonly string[]>();

/**
 * The objects that a complete set names: its parts, what these name, and the keys of an encrypted
 * set and of every set whose packs it uses.
 */
export function namedBy(objects: Objects, timestamp: string): readonly string[] {
  const key = formatKey({ kind: 'manifest', timestamp });
  const stored = objects.get(key);
  if (stored === undefined) return [];
  const known = needs.get(stored);
  if (known !== undefined) return known;
  const manifest = decode(Manifest, { key, bytes: stored.bytes });
  const parts = manifest.contents.flatMap(({ content }) => {
    const partKey = formatKey({ kind: 'manifest-part', timestamp, content });
    const part = objects.get(partKey);
    if (part === undefined) return [partKey];
    const decoded = decode(ManifestPart, { key: partKey, bytes: part.bytes });
    return [partKey, ...[...objectsOf(decoded)].map((object) => object.key)];
  });
  const named = [...parts, ...keysFor(manifest)];
  needs.set(stored, named);
  return named;
}

/** A backup of a lifetime stores one document with its key. Nothing wraps the key again. */
function keysFor({ timestamp, needs: older, encryption }: Manifest): string[] {
  return encryption === undefined
    ? []
    : [timestamp, ...older].map((of) =>
        formatKey({ kind: 'set-key', timestamp: of, instant: `${of}000` }),
      );
}

/** What is stored, and the sets that a hold has reported as held. */
interface Kept {
  readonly objects: ChaosStore['objects'];
  readonly held: ReadonlySet<string>;
}

/** Objects that sets with a manifest name, and that are not stored. */
export function lostObjects({ objects, held }: Kept): string[] {
  const lost = completeSets(objects).flatMap((timestamp) =>
    namedBy(objects, timestamp)
      .filter((key) => !objects.has(key))
      .map((key) => `set ${timestamp} has a manifest, and lost ${key}`),
  );
  const gone = [...held].filter(
    (timestamp) => !objects.has(formatKey({ kind: 'manifest', timestamp })),
  );
  return [...lost, ...gone.map((timestamp) => `set ${timestamp} is held, and was removed`)];
}
