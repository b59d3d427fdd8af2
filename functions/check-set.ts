import { decode, type RawDocument, sha256 } from '../backup-set/documents.ts';
import { isStowageError, messageOf } from '../backup-set/errors.ts';
import { formatKey, parseKey, setPrefix } from '../backup-set/keys.ts';
import { Manifest, objectsOf } from '../backup-set/manifest.ts';
import type { StoredAs } from '../backup-set/receipt.ts';
import type { Problem } from '../backup-set/verdict.ts';
import type { StoredObject } from '../storage/store.ts';
import { callOptions, type Deps } from './deps.ts';
import { type LoadedSet, loadSet } from './load.ts';
import { foldLoaded } from './on-receipt.ts';
import { relationsOf } from './relations-of.ts';
import type { Finding } from './write-verdict.ts';

export interface CheckedSet extends Finding {
  /** Absent when it cannot be read. */
  readonly manifest?: Manifest;
}

/**
 * Promise 5: is a committed set still what its manifest says? Every object is there with size and etag as received,
 * and plan, receipts and seal still prove the very bytes of the manifest. Reads documents and listings, no data.
 */
export async function checkSet(deps: Deps, timestamp: string, raw: RawDocument): Promise<CheckedSet> {
  const manifest = readManifest(raw, timestamp);
  if ('code' in manifest) return finding({ objects: 0, bytes: 0 }, [manifest]);
  const stored = await listObjects(deps, manifest);
  const proof = compareProof(timestamp, manifest, raw, await loadSet(deps, timestamp));
  const problems = [...compareObjects(deps, manifest, stored), ...proof];
  const bytes = [...stored.values()].reduce((sum, object) => sum + object.bytes, 0);
  return { manifest, ...finding({ objects: stored.size, bytes }, problems) };
}

/** A committed set was proven once: whatever is wrong with it now is damage, also what is merely missing. */
export function finding(checked: Finding['checked'], problems: readonly Problem[]): Finding {
  return { status: problems.length === 0 ? 'complete' : 'damaged', checked, problems };
}

function readManifest(raw: RawDocument, timestamp: string): Manifest | Problem {
  try {
    const manifest = decode(Manifest, raw);
    if (manifest.timestamp === timestamp) return manifest;
    const message = `says it belongs to set ${manifest.timestamp}`;
    return { code: 'documents-disagree', object: raw.key, message };
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    return { code: 'document-unreadable', object: raw.key, message: messageOf(error) };
  }
}

/** What is stored of all that the manifest names: one listing per set that it shares packs with. */
async function listObjects(deps: Deps, manifest: Manifest): Promise<Map<string, StoredObject>> {
  const wanted = new Set(Array.from(objectsOf(manifest), ({ key }) => key));
  const sets = new Set([...wanted].map(setOf).filter((timestamp) => timestamp !== undefined));
  const stored = new Map<string, StoredObject>();
  for (const timestamp of sets) {
    for await (const object of deps.store.list(setPrefix(timestamp), callOptions(deps))) {
      if (wanted.has(object.key)) stored.set(object.key, object);
    }
  }
  return stored;
}

function compareObjects(
  { store }: Deps,
  manifest: Manifest,
  stored: ReadonlyMap<string, StoredObject>,
): Problem[] {
  // A copy elsewhere has etags of its own; sizes must be the same everywhere.
  const sameRoot = manifest.root === store.url;
  const problems: Problem[] = [];
  for (const { content, ...object } of objectsOf(manifest)) {
    const different = difference(object, stored.get(object.key), sameRoot);
    if (different === undefined) continue;
    const { relation, text } = relationsOf(manifest, content, object.key);
    const message = text === '' ? different.message : `${different.message}; it holds rows of ${text}`;
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
  received: StoredAs,
  stored: StoredObject | undefined,
  sameRoot: boolean,
): Pick<Problem, 'code' | 'message'> | undefined {
  if (setOf(received.key) === undefined)
    return { code: 'documents-disagree', message: 'the manifest names a key that no set can have' };
  if (stored === undefined) return { code: 'object-missing', message: 'the object is not there' };
  if (stored.bytes !== received.bytes) {
    const message = `it has ${stored.bytes} bytes; ${received.bytes} were received`;
    return { code: 'size-differs', message };
  }
  const comparable = sameRoot && received.etag !== undefined && stored.etag !== undefined;
  if (comparable && stored.etag !== received.etag) {
    return { code: 'etag-differs', message: 'its etag is not the one received: it has been replaced' };
  }
  return undefined;
}

/** Plan, receipts and seal must still give this manifest: what was deleted or altered since is named. */
function compareProof(timestamp: string, manifest: Manifest, raw: RawDocument, set: LoadedSet): Problem[] {
  const problems = [
    ...compareDigest(formatKey({ kind: 'plan', timestamp }), set.plan, manifest.proof.planSha256),
    ...compareDigest(formatKey({ kind: 'seal', timestamp }), set.seal, manifest.proof.sealSha256),
  ];
  // What follows from a plan or seal that is not the proven one says nothing about the receipts.
  if (problems.length > 0) return problems;
  const folded = foldLoaded(timestamp, set);
  if (folded.status !== 'complete') return [...folded.problems];
  if (Buffer.compare(folded.bytes, raw.bytes) === 0) return [];
  const message = 'its bytes are not those that plan, receipts and seal give';
  return [{ code: 'documents-disagree', object: raw.key, message }];
}

function compareDigest(object: string, raw: RawDocument | undefined, expected: string): Problem[] {
  if (raw === undefined)
    return [{ code: 'object-missing', object, message: 'the set was proven by it; it is not there' }];
  if (sha256(raw.bytes) === expected) return [];
  return [{ code: 'documents-disagree', object, message: 'its digest is not the one in the manifest' }];
}

function setOf(key: string): string | undefined {
  const parsed = parseKey(key);
  return parsed?.kind === 'pack' || parsed?.kind === 'metadata' ? parsed.timestamp : undefined;
}
