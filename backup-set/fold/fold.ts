import { type RawDocument, sha256 } from '../base/document.ts';
import { formatKey } from '../base/keys.ts';
import { type ProblemList, worstOf } from '../base/problems.ts';
import { boundedProblems, causedBy, type Problem } from '../base/verdict.ts';
import { plural } from '../base/words.ts';
import type { Manifest } from '../documents/manifest.ts';
import { parse } from '../documents/pinned.ts';
import { Plan } from '../documents/plan.ts';
import { Seal } from '../documents/seal.ts';
import { planDisagreements, sealDisagreements } from './agreement.ts';

/**
 * The fold computes the state of a set from its documents alone. It is deterministic: the order and
 * duplication of documents make no difference. A manifest exists if and only if plan, receipts and
 * seal agree (promises 2 and 3 of docs/architecture.md).
 *
 * It goes content by content, so that a set of any size needs the memory of a few contents:
 * `beginFold` (plan and seal) → `foldContent` for each content, in any order → `createSetFold`.
 */
export type Folded =
  /** There is no seal yet. */
  | ({ readonly status: 'open'; readonly plan: Plan } & ProblemList)
  | {
      readonly status: 'complete';
      readonly plan: Plan;
      readonly manifest: Manifest;
      readonly bytes: Uint8Array;
      /** The bytes of manifest/needs.json; absent = the set uses no pack of another set. */
      readonly needs?: Uint8Array;
    }
  | ({ readonly status: 'incomplete' | 'damaged'; readonly plan?: Plan } & ProblemList);

/** A set with readable plan and seal, so that its contents can be folded. */
export interface SealedSet {
  readonly plan: Plan;
  readonly seal: Seal;
  readonly proof: Manifest['proof'];
  /** Problems of plan and seal. If there are any, the set cannot become complete. */
  readonly problems: readonly Problem[];
}

export type FoldStart =
  | { readonly kind: 'sealed'; readonly set: SealedSet }
  | { readonly kind: 'open'; readonly plan: Plan }
  | { readonly kind: 'rejected'; readonly folded: RejectedFold };

type RejectedFold = Extract<Folded, { status: 'incomplete' | 'damaged' }>;

/** Reads plan and seal, and checks them without any other document. */
export function beginFold(documents: {
  readonly plan: RawDocument;
  readonly seal?: RawDocument | undefined;
}): FoldStart {
  const plan = parse(Plan, documents.plan);
  if (!plan.ok) return reject([plan.failure]);
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
    checkSet(seal.value, plan.value) ?? checkPlan(documents.plan, proof.planSha256, seal.value);
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

/** A set without a seal: one problem per content, with the number of its receipts. */
export function foldOpen(plan: Plan, arrived: ReadonlyMap<number, number>): Folded {
  const missing = plan.contents.map(
    ({ content, host }): Problem => ({
      code: 'content-missing',
      content,
      message: `the set has no seal yet; ${host} has stored ${plural(arrived.get(content) ?? 0, 'receipt')}`,
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
    return [
      { code: 'segment-failed', message: 'the seal has outcome "failed", but it gives no reason' },
    ];
  return failures.map((failure) => ({
    code: 'segment-failed',
    ...causedBy(failure),
    ...(failure.content === undefined ? {} : { content: failure.content }),
  }));
}

/** The seal pins the plan: a plan that was changed later would load rows into wrong columns. */
function checkPlan({ key }: RawDocument, planSha256: string, seal: Seal): Problem | undefined {
  if (seal.planSha256 === planSha256) return undefined;
  return {
    code: 'documents-disagree',
    object: key,
    message: 'the SHA-256 of the plan differs from the one in the seal',
  };
}

function checkSet(seal: Seal, plan: Plan): Problem | undefined {
  if (seal.timestamp === plan.timestamp) return undefined;
  const object = formatKey({ kind: 'seal', timestamp: seal.timestamp });
  return {
    code: 'documents-disagree',
    object,
    message: `the seal is of another set, not of ${plan.timestamp}`,
  };
}
