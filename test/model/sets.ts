import { decode } from '../../backup-set/base/document.ts';
import { formatKey, setPrefix } from '../../backup-set/base/keys.ts';
import { Manifest, ManifestPart, objectsOf } from '../../backup-set/documents/manifest.ts';
import type { SourceExtent } from '../../backup-set/documents/restore/restore.ts';
import { rowsOf } from '../../segment-shipper/read/rows-of.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { differences, rowSum, type Truth, type Truths } from './truth.ts';

const BYTES_MAX = 64 * 1024 * 1024;

/** A set that was not removed, and what its snapshot had. */
export interface LivingSet {
  readonly timestamp: string;
  /** By content. */
  readonly truths: ReadonlyMap<number, Truths>;
  /** Which tables each content has. */
  readonly tables: ReadonlyMap<number, ReadonlySet<string>>;
  /** Key → bytes of all objects in its folder, and of all that its manifest names. */
  readonly objects: ReadonlyMap<string, number>;
}

async function partsOf(store: ObjectStore, timestamp: string) {
  const key = formatKey({ kind: 'manifest', timestamp });
  const manifest = decode(Manifest, { key, bytes: await store.read(key, { bytesMax: BYTES_MAX }) });
  const parts = await Promise.all(
    manifest.contents.map(async ({ content }) => {
      const partKey = formatKey({ kind: 'manifest-part', timestamp, content });
      const bytes = await store.read(partKey, { bytesMax: BYTES_MAX });
      return decode(ManifestPart, { key: partKey, bytes });
    }),
  );
  return { manifest, parts };
}

/** Reads the manifest of a new set. */
export async function livingSet(
  store: ObjectStore,
  timestamp: string,
  truths: ReadonlyMap<number, Truths>,
): Promise<LivingSet> {
  const { manifest, parts } = await partsOf(store, timestamp);
  const objects: { key: string; bytes: number }[] = parts.flatMap((part) => [...objectsOf(part)]);
  for await (const object of store.list(setPrefix(timestamp))) objects.push(object);
  const tables = parts.map(({ content, relations }) => {
    const names = relations.map(({ relation }) => nameOf(manifest, relation));
    return [content, new Set(names)] as const;
  });
  return {
    ...{ timestamp, truths, tables: new Map(tables) },
    objects: new Map(objects.map(({ key, bytes }) => [key, bytes])),
  };
}

function nameOf({ relations }: Manifest, id: number): string {
  const relation = relations[id];
  if (relation === undefined) throw new Error(`relation ${id} is not in the manifest`);
  return `${relation.schema}.${relation.name}`;
}

/** The rows of every table of one content, frame by frame as a restore reads them. */
async function storedRows(
  store: ObjectStore,
  manifest: Manifest,
  part: ManifestPart,
): Promise<Truths> {
  const signal = new AbortController().signal;
  const extents = new Map<number, SourceExtent[]>();
  for (const { key, extents: inPack } of part.packs)
    for (const { relation, ...frame } of inPack) {
      const list = extents.get(relation) ?? [];
      extents.set(relation, list);
      list.push({ key, ...frame });
    }
  const found = new Map<string, Truth>();
  for (const { relation: id } of part.relations) {
    const name = nameOf(manifest, id);
    const sum = rowSum();
    for await (const some of rowsOf(store, extents.get(id) ?? [], { signal })) sum.add(some);
    found.set(name, { columns: manifest.relations[id]?.columns ?? [], ...sum.result() });
  }
  return found;
}

/** How the stored rows of a set differ from what its snapshot had. */
export async function rowDifferences(store: ObjectStore, set: LivingSet): Promise<string[]> {
  const { manifest, parts } = await partsOf(store, set.timestamp);
  const found: string[] = [];
  for (const part of parts) {
    const rows = await storedRows(store, manifest, part);
    const what = `set ${set.timestamp} content ${part.content}`;
    found.push(...differences(rows, set.truths.get(part.content) ?? new Map(), what));
  }
  return found;
}

/** Objects that living sets name and that are not stored. Objects are never written again. */
export async function missingObjects(
  store: ObjectStore,
  sets: readonly LivingSet[],
): Promise<string[]> {
  const stored = new Map<string, number>();
  for await (const { key, bytes } of store.list('sets/')) stored.set(key, bytes);
  return sets.flatMap(({ timestamp, objects }) =>
    [...objects].flatMap(([key, bytes]) =>
      stored.get(key) === bytes ? [] : [`set ${timestamp} has lost ${key}`],
    ),
  );
}
