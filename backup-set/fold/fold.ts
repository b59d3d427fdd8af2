import { type RawDocument, sha256 } from '../base/document.ts';
import { formatKey } from '../base/keys.ts';
import { type ProblemList, worstOf } from '../base/problems.ts';
import { boundedProblems, type Problem } from '../base/verdict.ts';
import type { Manifest } from '../documents/manifest.ts';
import { parse } from '../documents/pinned.ts';
import { Plan } from '../documents/plan.ts';
import { Seal } from '../documents/seal.ts';
import { planDisagreements, sealDisagreements } from './agreement.ts';

/**
 * The fold says what a set is, from its documents alone: deterministic, whatever the order, duplication or caller. This
 * is promise 2 and 3 of the design: agreement of plan, receipts and seal, and nothing else, makes a manifest.
 *
 * It goes content by content, so that a set of any size is folded in the memory that a few contents need:
 * `beginFold` (plan and seal) → `foldContent` for each, in any order → `sumUp`, which has the last word.
 */
export type Folded =
  /** The coordinator has not sealed the set yet. */
  | ({ readonly status: 'open'; readonly plan: Plan } & ProblemList)
  | {
      readonly status: 'complete';
      readonly plan: Plan;
      readonly manifest: Manifest;
      readonly bytes: Uint8Array;
    }
  | ({ readonly status: 'incomplete' | 'damaged'; readonly plan?: Plan } & ProblemList);

/** A set with plan and seal, whose contents can be looked at. */
export interface SealedSet {
  readonly plan: Plan;
  readonly seal: Seal;
  readonly proof: Manifest['proof'];
  /** What plan and seal already say against the set; it cannot become complete any more when there is anything. */
  readonly problems: readonly Problem[];
}

export type FoldStart =
  | { readonly kind: 'sealed'; readonly set: SealedSet }
  | { readonly kind: 'open'; readonly plan: Plan }
  | { readonly kind: 'rejected'; readonly folded: RejectedFold };

type RejectedFold = Extract<Folded, { status: 'incomplete' | 'damaged' }>;

/** What plan and seal say by themselves. */
export function beginFold(documents: {
  readonly plan: RawDocument;
  readonly seal?: RawDocument | undefined;
}): FoldStart {
  const plan = parse(Plan, documents.plan);
  if (!plan.ok) return reject([plan.failure]);
  const wrongKey = checkKey(documents.plan, 'plan', plan.value.timestamp);
  if (wrongKey !== undefined) return reject([wrongKey]);
  const disagreements = planDisagreements(plan.value);
  if (disagreements.length > 0) return reject(disagreements, plan.value);
  if (documents.seal === undefined) return { kind: 'open', plan: plan.value };
  const seal = parse(Seal, documents.seal);
  if (!seal.ok) return reject([seal.failure], plan.value);
  const proof = {
    planSha256: sha256(documents.plan.bytes),
    sealSha256: sha256(documents.seal.bytes),
  };
  const wrong =
    checkKey(documents.seal, 'seal', seal.value.timestamp) ??
    checkSet(seal.value, plan.value) ??
    checkPlan(documents.plan, proof.planSha256, seal.value);
  return {
    kind: 'sealed',
    set: {
      plan: plan.value,
      seal: seal.value,
      proof,
      problems: [
        ...(wrong === undefined ? [] : [wrong]),
        ...sealDisagreements(plan.value, seal.value),
        ...failuresIn(seal.value),
      ],
    },
  };
}

/** What an unsealed set still lacks, per content, from the number of receipts seen: enough to name who went silent. */
export function foldOpen(plan: Plan, arrived: ReadonlyMap<number, number>): Folded {
  const missing = plan.contents.map(
    ({ content, host }): Problem => ({
      code: 'content-missing',
      content,
      message: `${arrived.get(content) ?? 0} receipts from ${host}, and no seal`,
    }),
  );
  return { status: 'open', plan, ...boundedProblems(missing) };
}

function reject(problems: readonly Problem[], plan?: Plan): FoldStart {
  const folded = { status: worstOf(problems), ...(plan && { plan }), ...boundedProblems(problems) };
  return { kind: 'rejected', folded };
}

function failuresIn({ outcome, failures }: Seal): Problem[] {
  if (outcome === 'failed' && failures.length === 0)
    return [{ code: 'segment-failed', message: 'the seal says failed' }];
  return failures.map(({ content, code, message }) => ({
    code: 'segment-failed',
    message: `${message} (${code})`,
    ...(content === undefined ? {} : { content }),
  }));
}

/** The seal was written over exactly one plan; a plan altered since would load right rows into wrong columns. */
function checkPlan({ key }: RawDocument, planSha256: string, seal: Seal): Problem | undefined {
  if (seal.planSha256 === planSha256) return undefined;
  return {
    code: 'documents-disagree',
    object: key,
    message: 'its SHA-256 is not the one in the seal',
  };
}

function checkKey(raw: RawDocument, kind: 'plan' | 'seal', timestamp: string): Problem | undefined {
  if (raw.key === formatKey({ kind, timestamp })) return undefined;
  return {
    code: 'documents-disagree',
    object: raw.key,
    message: `says it belongs to set ${timestamp}`,
  };
}

function checkSet(seal: Seal, plan: Plan): Problem | undefined {
  if (seal.timestamp === plan.timestamp) return undefined;
  const object = formatKey({ kind: 'seal', timestamp: seal.timestamp });
  return {
    code: 'documents-disagree',
    object,
    message: `is not the seal of set ${plan.timestamp}`,
  };
}
