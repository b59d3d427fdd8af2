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
import { createSetFold } from '../../backup-set/fold/sum.ts';
import type { Deps } from '../deps.ts';
import { countReceipts, readAll, readDocument } from './load.ts';

/**
 * Contents looked at at once: enough to hide the latency of S3, and few enough for 512 MB when each has 10,000 relations.
 */
export const CONTENTS_IN_FLIGHT = 6;
/**
 * Extents of all contents in flight: the fold of one takes some 650 bytes at its peak (docs/scale.md). A content that has more is
 * looked at alone.
 */
export const EXTENTS_IN_FLIGHT = 600_000;

/** What a set begins with; a set that somebody tampered with may lack either. */
export interface SetHeads {
  readonly plan: RawDocument | undefined;
  readonly seal: RawDocument | undefined;
}

/** Is shown each content as it was folded, several at once. */
export type FoldVisit = (folded: FoldedContent, set: SealedSet) => Promise<void>;

/** Folds a set from storage, content by content: its size costs time, not memory. */
export async function foldStored(
  deps: Deps,
  timestamp: string,
  visit?: FoldVisit,
): Promise<Folded> {
  return foldHeads(deps, timestamp, await loadHeads(deps, timestamp), visit);
}

/** The seal first: it is written after every document that it names, so what is read afterwards must hold them all. */
export async function loadHeads(deps: Deps, timestamp: string): Promise<SetHeads> {
  const seal = await readDocument(deps, formatKey({ kind: 'seal', timestamp }));
  const plan = await readDocument(deps, formatKey({ kind: 'plan', timestamp }));
  return { plan, seal };
}

/** The same with plan and seal at hand; a set whose plan is gone is incomplete, whatever else is there. */
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
    const weight = part.ok ? expectedExtents(sealed.plan, part.value) : 0;
    await admit(weight, async () => {
      // Reads what the seal names, and nothing else: what dead attempts left is not even looked at.
      const receipts = part.ok ? await readAll(deps, receiptKeysOf(part.value)) : [];
      const folded = foldContent(sealed, planned, part, receipts);
      sum.add(folded);
      await visit(folded, sealed);
    });
  });
  return sum.end();
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
