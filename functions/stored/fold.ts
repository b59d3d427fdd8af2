import { eachInFlight, weighed } from '../../async/each-in-flight.ts';
import type { RawDocument } from '../../backup-set/base/document.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import type { Result } from '../../backup-set/base/result.ts';
import { boundedProblems, type Problem } from '../../backup-set/base/verdict.ts';
import type { PlannedContent } from '../../backup-set/documents/plan.ts';
import {
  expectedExtents,
  pinnedSealPart,
  receiptKeysOf,
  type SealPart,
} from '../../backup-set/documents/seal.ts';
import { type FoldedContent, foldContent } from '../../backup-set/fold/content.ts';
import { beginFold, type Folded, foldOpen, type SealedSet } from '../../backup-set/fold/fold.ts';
import { createSetFold } from '../../backup-set/fold/set-fold.ts';
import type { Deps } from '../deps.ts';
import { countReceipts, readAll, readDocument } from './load.ts';
import { missingSetKeys } from './set-keys.ts';

/**
 * Contents folded at once: enough to hide the latency of S3, and few enough for 512 MB of memory
 * when each has 10,000 relations.
 */
export const CONTENTS_IN_FLIGHT = 6;
/**
 * Extents of all contents in flight: folding one takes some 650 bytes at its peak (docs/scale.md).
 * A content with more extents is folded alone.
 */
export const EXTENTS_IN_FLIGHT = 600_000;

/** About the bytes of an extent in a part of a manifest. */
const EXTENT_BYTES = 145;

/** Plan and seal of a set. Either may be missing. */
export interface SetHeads {
  readonly plan: RawDocument | undefined;
  readonly seal: RawDocument | undefined;
}

/** Called with each folded content, several at once. */
export type FoldVisit = (folded: FoldedContent, set: SealedSet) => Promise<void>;

/** Folds a set from storage, content by content, so memory does not grow with the set. */
export async function foldStored(
  deps: Deps,
  timestamp: string,
  visit?: FoldVisit,
): Promise<Folded> {
  return foldHeads(deps, timestamp, await loadHeads(deps, timestamp), visit);
}

/** Reads the seal first: every document that it names was written before it. */
export async function loadHeads(deps: Deps, timestamp: string): Promise<SetHeads> {
  const seal = await readDocument(deps, formatKey({ kind: 'seal', timestamp }));
  const plan = await readDocument(deps, formatKey({ kind: 'plan', timestamp }));
  return { plan, seal };
}

/** As `foldStored`, with plan and seal given. A set without its plan is incomplete. */
export async function foldHeads(
  deps: Deps,
  timestamp: string,
  { plan, seal }: SetHeads,
  visit: FoldVisit = () => Promise.resolve(),
): Promise<Folded> {
  if (plan === undefined) {
    const object = formatKey({ kind: 'plan', timestamp });
    const message = 'the plan of the set is missing';
    return {
      status: 'incomplete',
      ...boundedProblems([{ code: 'object-missing', object, message }]),
    };
  }
  const begun = beginFold({ plan, seal });
  if (begun.kind === 'rejected') return begun.folded;
  if (begun.kind === 'open') return foldOpen(begun.plan, await countReceipts(deps, timestamp));
  const { set: sealed } = begun;
  const sum = createSetFold(sealed);
  const admit = weighed(EXTENTS_IN_FLIGHT);
  await eachInFlight(sealed.plan.contents, CONTENTS_IN_FLIGHT, async (planned) => {
    deps.signal?.throwIfAborted();
    const part = await readSealPart(deps, sealed, planned);
    const base = part.ok ? planned.base : undefined;
    const ofBase = (base?.bytes ?? 0) / EXTENT_BYTES;
    const weight = part.ok ? expectedExtents(sealed.plan, part.value) + ofBase : 0;
    await admit(weight, async () => {
      // Reads only what the seal names, not the receipts that failed attempts left.
      const receipts = part.ok ? await readAll(deps, receiptKeysOf(part.value)) : [];
      const pinned = part.ok ? await readPinnedByPlan(deps, timestamp, planned) : [];
      const folded = foldContent(sealed, planned, part, [...receipts, ...pinned]);
      sum.add(folded);
      await visit(folded, sealed);
    });
  });
  const folded = sum.end();
  return folded.status === 'complete' ? unlessKeysMiss(deps, folded) : folded;
}

/** A set that no key can open any more is not complete, whatever its documents say. */
async function unlessKeysMiss(
  deps: Deps,
  folded: Extract<Folded, { status: 'complete' }>,
): Promise<Folded> {
  const missing = await missingSetKeys(deps, folded.manifest);
  if (missing.length === 0) return folded;
  return { status: 'incomplete', plan: folded.plan, ...boundedProblems(missing) };
}

/** One with another size than the plan's is not read: the fold says that it is missing. */
async function readPinnedByPlan(
  deps: Deps,
  timestamp: string,
  { content, base, witnesses }: PlannedContent,
): Promise<RawDocument[]> {
  const read = async (kind: 'base-part' | 'witnesses', pinned: { bytes: number } | undefined) =>
    pinned && readDocument(deps, formatKey({ kind, timestamp, content }), pinned.bytes);
  const documents = [await read('base-part', base), await read('witnesses', witnesses)];
  return documents.filter((document) => document !== undefined);
}

async function readSealPart(
  deps: Deps,
  set: SealedSet,
  { content }: PlannedContent,
): Promise<Result<SealPart, Problem>> {
  const { timestamp } = set.plan;
  const named = set.seal.contents.find((candidate) => candidate.content === content);
  const raw =
    named &&
    (await readDocument(
      deps,
      formatKey({ kind: 'seal-part', timestamp, content }),
      named.part.bytes,
    ));
  return pinnedSealPart(set, content, raw === undefined ? [] : [raw]);
}
