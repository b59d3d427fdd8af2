import { eachInFlight, weighed } from '../../async/each-in-flight.ts';
import { type RawDocument, sha256 } from '../../backup-set/base/document.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import {
  gatherProblems,
  joinProblems,
  NO_PROBLEMS,
  type ProblemList,
} from '../../backup-set/base/problems.ts';
import { boundedProblems, type Problem } from '../../backup-set/base/verdict.ts';
import { Manifest, type ManifestPart } from '../../backup-set/documents/manifest.ts';
import { parse } from '../../backup-set/documents/pinned.ts';
import type { Folded } from '../../backup-set/fold/fold.ts';
import type { Deps } from '../deps.ts';
import {
  CONTENTS_IN_FLIGHT,
  EXTENTS_IN_FLIGHT,
  foldHeads,
  loadHeads,
  type SetHeads,
} from '../stored/fold.ts';
import { readDocument } from '../stored/load.ts';
import { type Finding, NOTHING_CHECKED } from '../stored/write-verdict.ts';
import { type CheckedContent, checkContent } from './content.ts';
import { folderLists } from './folder-lists.ts';
import { checkNeededFiles } from './needed-files.ts';
import { type RewrittenObjects, rewrittenObjects } from './rewritten.ts';

export interface CheckedSet extends Finding {
  /** Absent when the manifest cannot be read. */
  readonly manifest?: Manifest;
  /** The problems of documents only, without those of packs and metadata files. */
  readonly documents: ProblemList;
}

/**
 * Called once per content, in any order, with its manifest part and the problems of its objects.
 */
export type PartVisit = (
  manifest: Manifest,
  part: ManifestPart,
  problems: readonly Problem[],
) => void;

/**
 * Checks that a committed set is still what its manifest says (promise 5): every object exists with
 * the size and ETag of its receipt, or its bytes were proven, and plan, receipts and seal still
 * give exactly the bytes of the manifest and its parts. Reads documents and listings, content by
 * content, and the data only of objects with another ETag.
 */
export async function checkSet(
  deps: Deps,
  timestamp: string,
  raw: RawDocument,
  visit: PartVisit = () => undefined,
): Promise<CheckedSet> {
  const read = parse(Manifest, raw);
  if (!read.ok) {
    const documents = boundedProblems([read.failure]);
    return { ...finding(NOTHING_CHECKED, documents), documents };
  }
  const manifest = read.value;
  const rewritten = rewrittenObjects(deps, timestamp);
  const objects = gatherProblems();
  const parts = gatherProblems();
  const checked = { ...NOTHING_CHECKED };
  const take = ({ content, part, ofPart, ofObjects, stored }: CheckedContent) => {
    parts.add(content, ofPart);
    objects.add(content, ofObjects);
    checked.objects += stored.objects;
    checked.bytes += stored.bytes;
    if (part !== undefined) visit(manifest, part, ofObjects);
  };
  const proof = await checkProof(deps, manifest, raw, { take, rewritten });
  const documents = joinProblems(proof, parts.list());
  const found = finding(checked, joinProblems(objects.list(), documents));
  return { manifest, documents, ...found, proven: rewritten.proven() };
}

/** A committed set was complete once, so every problem now is damage, a missing object too. */
export function finding(checked: Finding['checked'], problems: ProblemList): Finding {
  const { problems: listed, problemsTotal } = problems;
  return {
    status: problemsTotal === 0 ? 'complete' : 'damaged',
    checked,
    problems: listed,
    problemsTotal,
  };
}

interface CheckedWith {
  readonly take: (checked: CheckedContent) => void;
  readonly rewritten: RewrittenObjects;
}

/** Checks that plan, receipts and seal still give this manifest, and names what has changed. */
async function checkProof(
  deps: Deps,
  manifest: Manifest,
  raw: RawDocument,
  { take, rewritten }: CheckedWith,
): Promise<ProblemList> {
  const { timestamp } = manifest;
  const heads = await loadHeads(deps, timestamp);
  const list = folderLists(deps, manifest.totals.objects);
  const altered = compareHeads(manifest, heads);
  // A fold from another plan or seal would say nothing about the receipts, so it is skipped.
  if (altered.length > 0) {
    const admit = weighed(EXTENTS_IN_FLIGHT);
    const check = ({ content, totals }: Manifest['contents'][number]) =>
      admit(totals.extents, async () =>
        take(await checkContent(deps, manifest, content, undefined, list, rewritten)),
      );
    await eachInFlight(manifest.contents, CONTENTS_IN_FLIGHT, check);
    return boundedProblems(altered);
  }
  const folded = await foldHeads(deps, timestamp, heads, async ({ content, part }) => {
    take(await checkContent(deps, manifest, content, part, list, rewritten));
  });
  const needs = await compareNeeds(deps, timestamp, folded);
  const needed = await checkNeededFiles(deps, manifest);
  return joinProblems(joinProblems(compareFolded(folded, raw), needs), needed);
}

/** manifest/needs.json must be what the receipts give: expiry keeps the packs that it names. */
async function compareNeeds(deps: Deps, timestamp: string, folded: Folded): Promise<ProblemList> {
  if (folded.status !== 'complete' || folded.needs === undefined) return NO_PROBLEMS;
  const object = formatKey({ kind: 'needs', timestamp });
  const raw = await readDocument(deps, object, folded.needs.length);
  return boundedProblems(compareDigest(object, raw, sha256(folded.needs)));
}

function compareFolded(folded: Folded, raw: RawDocument): ProblemList {
  if (folded.status !== 'complete') return folded;
  if (Buffer.compare(folded.bytes, raw.bytes) === 0) return boundedProblems([]);
  const message = 'the manifest does not match the plan, receipts and seal of the set';
  return boundedProblems([{ code: 'documents-disagree', object: raw.key, message }]);
}

function compareHeads({ timestamp, proof }: Manifest, { plan, seal }: SetHeads): Problem[] {
  return [
    ...compareDigest(formatKey({ kind: 'plan', timestamp }), plan, proof.planSha256),
    ...compareDigest(formatKey({ kind: 'seal', timestamp }), seal, proof.sealSha256),
  ];
}

function compareDigest(object: string, raw: RawDocument | undefined, expected: string): Problem[] {
  if (raw === undefined)
    return [
      {
        code: 'object-missing',
        object,
        message: 'the object is missing; the manifest was made from it',
      },
    ];
  if (sha256(raw.bytes) === expected) return [];
  return [
    {
      code: 'documents-disagree',
      object,
      message: 'the object has changed since the set was committed (its digest differs)',
    },
  ];
}
