import { eachInFlight } from '../../async/each-in-flight.ts';
import { digestOf } from '../../backup-set/base/document.ts';
import type { Problem, Verdict } from '../../backup-set/base/verdict.ts';
import type { Manifest, ManifestPart } from '../../backup-set/documents/manifest.ts';
import { checkContent } from '../check/content.ts';
import { type FolderLists, folderLists } from '../check/folder-lists.ts';
import { type CheckedObject, verifyObject } from '../check/object.ts';
import { objectsToRead } from '../check/objects-to-read.ts';
import { type RewrittenObjects, rewrittenObjects } from '../check/rewritten.ts';
import type { Deps } from '../deps.ts';
import { currentVerdict } from '../stored/current-verdict.ts';
import { findDocuments } from './documents.ts';
import { type RepairRoots, referenceManifest } from './reference.ts';
import type { RepairItem, RepairPlan } from './repair-plan.ts';

/** Objects read at once. */
const READS_AT_ONCE = 4;

export interface PlanOptions {
  /** Read every object of the damaged set, to find damage that sizes and ETags do not show. */
  readonly readAll: boolean;
}

/**
 * Finds what is missing or damaged in a set that was complete. Reads documents and listings, the
 * objects with another ETag, and those that the last `verify` found damaged.
 */
export async function planRepair(
  roots: RepairRoots,
  timestamp: string,
  { readAll }: PlanOptions,
): Promise<RepairPlan> {
  const reference = await referenceManifest(roots, timestamp);
  const verdict = await currentVerdict(roots.to, timestamp, { isCommitted: true });
  const { receipts, parts, heads, lost, manifestParts } = await findDocuments(roots, reference);
  const shared = {
    manifest: reference.manifest,
    list: folderLists(roots.to, reference.manifest.totals.objects),
    rewritten: rewrittenObjects(roots.to, timestamp),
    isSuspect: suspectsOf(verdict, readAll),
  };
  const objects: RepairItem[] = [];
  for (const part of manifestParts) objects.push(...(await damagedObjects(roots.to, part, shared)));
  const needsVerify = readAll || (verdict?.level === 'verify' && verdict.status === 'damaged');
  return { items: [...objects, ...receipts, ...parts, ...heads], lost, needsVerify };
}

/** Whether an object must be read, whatever its size and ETag say. */
type IsSuspect = (key: string) => boolean;

function suspectsOf(verdict: Verdict | undefined, readAll: boolean): IsSuspect {
  const found = verdict?.level === 'verify' ? verdict.problems : [];
  // A verdict lists a bounded number of problems; the others can be in any object.
  const isCut = verdict !== undefined && verdict.problemsTotal > found.length && found.length > 0;
  const named = new Set(found.map(({ object }) => object));
  return (key) => readAll || isCut || named.has(key);
}

/** What the contents of a set share. */
interface Shared {
  readonly manifest: Manifest;
  readonly list: FolderLists;
  readonly rewritten: RewrittenObjects;
  readonly isSuspect: IsSuspect;
}

async function damagedObjects(
  to: Deps,
  part: { readonly value: ManifestPart; readonly bytes: Uint8Array },
  { manifest, list, rewritten, isSuspect }: Shared,
): Promise<RepairItem[]> {
  const { content } = part.value;
  const folded = { ...part, digest: digestOf(part.bytes) };
  const { ofObjects } = await checkContent(to, manifest, content, folded, list, rewritten);
  const found = new Map(ofObjects.map((problem) => [problem.object, problem]));
  const items: RepairItem[] = [];
  const objects = [...objectsToRead(part.value, manifest)];
  const judged = objects.filter(({ key }) => found.has(key) || isSuspect(key));
  await eachInFlight(judged, READS_AT_ONCE, async (object) => {
    const state = await stateOf(to, object, found.get(object.key)?.code);
    if (state !== undefined)
      items.push({ key: object.key, bytes: object.bytes, state, good: { object } });
  });
  return items.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

/** Undefined when its bytes are right. An object is called damaged only after it was read. */
async function stateOf(
  { store, signal }: Deps,
  object: CheckedObject,
  code: Problem['code'] | undefined,
): Promise<RepairItem['state'] | undefined> {
  if (code === 'object-missing') return 'missing';
  const options = { signal, decode: false, onBytes: () => undefined };
  const [problem] = await verifyObject(store, object, options);
  if (problem === undefined) return undefined;
  return problem.code === 'object-missing' ? 'missing' : 'damaged';
}
