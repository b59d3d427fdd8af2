import { formatKey, parseKey } from '../../backup-set/base/keys.ts';
import { success } from '../../backup-set/base/result.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import {
  type Manifest,
  type ManifestPart,
  objectsOf,
  pinnedManifestPart,
} from '../../backup-set/documents/manifest.ts';
import type { ObjectRef } from '../../backup-set/documents/receipt.ts';
import type { FoldedContent } from '../../backup-set/fold/content.ts';
import type { StoredObject } from '../../storage/store.ts';
import type { Deps } from '../deps.ts';
import { readDocument } from '../stored/load.ts';
import type { FolderLists } from './folder-lists.ts';
import type { CheckedObject } from './object.ts';
import { objectsToRead } from './objects-to-read.ts';
import { relationsOf } from './relations-of.ts';
import type { RewrittenObjects } from './rewritten.ts';

export interface CheckedContent {
  readonly content: number;
  /** The stored part of the manifest, else the part that the fold gives; absent without both. */
  readonly part?: ManifestPart;
  readonly ofPart: readonly Problem[];
  readonly ofObjects: readonly Problem[];
  readonly stored: { readonly objects: number; readonly bytes: number };
}

/**
 * Checks one content of a committed set: its part of the manifest must be the pinned one, and every
 * object must exist as the part says.
 * @param folded the part that its documents give now; undefined when they could not be folded.
 * @param list the listings of the set, shared by its contents.
 * @param rewritten judges the objects with another ETag, also shared.
 */
export async function checkContent(
  deps: Deps,
  manifest: Manifest,
  content: number,
  folded: FoldedContent['part'],
  list: FolderLists,
  rewritten: RewrittenObjects,
): Promise<CheckedContent> {
  const { timestamp } = manifest;
  const named = manifest.contents.find((candidate) => candidate.content === content);
  const key = formatKey({ kind: 'manifest-part', timestamp, content });
  const raw = await readDocument(deps, key, named?.part.bytes);
  // Equal bytes need no second parse. The comparison of the manifest covers the digest of the part.
  const isSame =
    raw !== undefined && folded !== undefined && Buffer.compare(raw.bytes, folded.bytes) === 0;
  const stored = isSame ? success(folded.value) : pinnedManifestPart(manifest, content, raw);
  const ofPart = stored.ok ? [] : [stored.failure];
  const part = stored.ok ? stored.value : folded?.value;
  if (part === undefined)
    return { content, ofPart, ofObjects: [], stored: { objects: 0, bytes: 0 } };
  const objects = await listObjects(part, list);
  const bytes = [...objects.values()].reduce((sum, object) => sum + object.bytes, 0);
  const ofObjects = await compareObjects(deps, { manifest, part, rewritten }, objects);
  return { content, part, ofPart, ofObjects, stored: { objects: objects.size, bytes } };
}

/** The stored objects that a part names: one listing per folder, in whichever set the packs are. */
async function listObjects(
  part: ManifestPart,
  list: FolderLists,
): Promise<Map<string, StoredObject>> {
  const wanted = new Set(Array.from(objectsOf(part), ({ key }) => key));
  const folders = new Set(
    [...wanted].filter(isObjectKey).map((key) => key.slice(0, key.lastIndexOf('/') + 1)),
  );
  const stored = new Map<string, StoredObject>();
  for (const folder of folders)
    for await (const object of list(folder))
      if (wanted.has(object.key)) stored.set(object.key, object);
  return stored;
}

interface Compared {
  readonly manifest: Manifest;
  readonly part: ManifestPart;
  readonly rewritten: RewrittenObjects;
}

async function compareObjects(
  { store }: Deps,
  { manifest, part, rewritten }: Compared,
  stored: ReadonlyMap<string, StoredObject>,
): Promise<Problem[]> {
  // A copy under another root has other ETags, but the same sizes.
  const sameRoot = manifest.root === store.url;
  const problems: Problem[] = [];
  for (const object of objectsToRead(part, manifest)) {
    const { content, extents } = object;
    const found = stored.get(object.key);
    const different =
      difference(object, found) ??
      (sameRoot && found !== undefined && (await etagDifference(object, found, rewritten)));
    if (!different) continue;
    const { relation, text } = relationsOf(manifest, extents);
    const message =
      text === '' ? different.message : `${different.message}; it holds rows of ${text}`;
    problems.push({
      code: different.code,
      message,
      content,
      ...(relation && { relation }),
      object: object.key,
    });
  }
  return problems;
}

function difference(
  received: ObjectRef,
  stored: StoredObject | undefined,
): Pick<Problem, 'code' | 'message'> | undefined {
  if (!isObjectKey(received.key))
    return {
      code: 'documents-disagree',
      message:
        'the manifest lists a key that is not the key of a pack, metadata file or file of gpbackup',
    };
  if (stored === undefined) return { code: 'object-missing', message: 'the object is missing' };
  if (stored.bytes !== received.bytes) {
    const message = `the object has ${plural(stored.bytes, 'byte')}, the receipt has ${count(received.bytes)}`;
    return { code: 'size-differs', message };
  }
  return undefined;
}

async function etagDifference(
  object: CheckedObject,
  stored: StoredObject,
  rewritten: RewrittenObjects,
): Promise<Pick<Problem, 'code' | 'message'> | undefined> {
  const isComparable = object.etag !== undefined && stored.etag !== undefined;
  if (!isComparable || object.etag === stored.etag) return undefined;
  const message = await rewritten.difference(object, stored);
  return message === undefined ? undefined : { code: 'etag-differs', message };
}

function isObjectKey(key: string): boolean {
  const kind = parseKey(key)?.kind;
  return kind === 'pack' || kind === 'metadata' || kind === 'file';
}
