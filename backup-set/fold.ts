import type * as z from 'zod';
import { planDisagreements, sealDisagreements } from './agreement.ts';
import {
  type DocumentIndex,
  decode,
  encode,
  FORMAT_VERSION,
  indexByKey,
  type RawDocument,
  sha256,
} from './documents.ts';
import { isStowageError, messageOf } from './errors.ts';
import { countContent } from './fold-content.ts';
import { dispatchDisagreements } from './fold-dispatched.ts';
import { formatKey, parseKey } from './keys.ts';
import { Manifest, type ManifestContent } from './manifest.ts';
import { Plan } from './plan.ts';
import { Seal } from './seal.ts';
import type { Problem } from './verdict.ts';

/** All documents of one set, in any order; receipts may be duplicated or belong to dead attempts. */
export interface SetDocuments {
  readonly plan: RawDocument;
  readonly receipts: Iterable<RawDocument>;
  readonly seal?: RawDocument | undefined;
}

export type Folded =
  /** The coordinator has not sealed the set yet. */
  | { readonly status: 'open'; readonly plan: Plan; readonly problems: readonly Problem[] }
  | {
      readonly status: 'complete';
      readonly plan: Plan;
      readonly manifest: Manifest;
      readonly bytes: Uint8Array;
    }
  | {
      readonly status: 'incomplete' | 'damaged';
      readonly plan?: Plan;
      readonly problems: readonly Problem[];
    };

/** Problems that say that something contradicts something, not merely that it has not come. */
const CONTRADICTIONS: ReadonlySet<Problem['code']> = new Set([
  'receipt-altered',
  'receipt-unreadable',
  'relation-surplus',
  'pack-not-tiled',
  'document-unreadable',
  'documents-disagree',
]);

/**
 * Says what a set is, from its documents alone: deterministic, whatever the order, duplication or caller.
 * This is promise 2 and 3 of the design: agreement of plan, receipts and seal, and nothing else, makes a manifest.
 */
export function fold(documents: SetDocuments): Folded {
  const plan = read(Plan, documents.plan);
  if ('problem' in plan) return { status: 'damaged', problems: [plan.problem] };
  const wrongKey = checkKey(documents.plan, 'plan', plan.value.timestamp);
  if (wrongKey !== undefined) return { status: 'damaged', problems: [wrongKey] };
  const disagreements = planDisagreements(plan.value);
  if (disagreements.length > 0) return { status: 'damaged', plan: plan.value, problems: disagreements };
  const receipts = indexByKey(documents.receipts);
  if (documents.seal === undefined)
    return { status: 'open', plan: plan.value, problems: missingSoFar(plan.value, receipts) };
  const seal = read(Seal, documents.seal);
  if ('problem' in seal) return { status: 'damaged', plan: plan.value, problems: [seal.problem] };
  return foldSealed(documents.plan, plan.value, documents.seal, seal.value, receipts);
}

function foldSealed(
  planRaw: RawDocument,
  plan: Plan,
  sealRaw: RawDocument,
  seal: Seal,
  receipts: DocumentIndex,
): Folded {
  const planSha256 = sha256(planRaw.bytes);
  const wrongKey =
    checkKey(sealRaw, 'seal', seal.timestamp) ?? checkSet(seal, plan) ?? checkPlan(planRaw, planSha256, seal);
  let problems: Problem[] = [...(wrongKey === undefined ? [] : [wrongKey]), ...sealDisagreements(plan, seal)];
  for (const failure of seal.failures) {
    problems.push({
      code: 'segment-failed',
      message: `${failure.message} (${failure.code})`,
      ...contentOf(failure),
    });
  }
  if (seal.outcome === 'failed' && seal.failures.length === 0)
    problems.push({ code: 'segment-failed', message: 'the seal says failed' });
  const contents: ManifestContent[] = [];
  const named = new Map(plan.relations.map((relation) => [relation.id, relation]));
  for (const planned of [...plan.contents].sort((a, b) => a.content - b.content)) {
    const counted = countContent(plan.timestamp, named, planned, seal, receipts);
    // Never `push(...)`: as arguments, the problems of a hundred thousand relations overflow the stack.
    problems = problems.concat(
      seal.outcome === 'failed' ? inShort(planned.content, counted.problems) : counted.problems,
    );
    if (counted.content !== undefined) contents.push(counted.content);
  }
  // With a content missing the sums would only repeat it, once per relation.
  if (problems.length === 0) problems = dispatchDisagreements(plan, seal, contents);
  if (problems.length > 0) return { status: worstOf(problems), plan, problems };
  const manifest = manifestOf(plan, seal, contents, {
    planSha256,
    sealSha256: sha256(sealRaw.bytes),
  });
  const excess = Object.entries(manifest.totals).find(([, total]) => !Number.isSafeInteger(total));
  if (excess === undefined) return { status: 'complete', plan, manifest, bytes: encode(Manifest, manifest) };
  const message = `the total of ${excess[0]} is past 2^53`;
  return {
    status: 'damaged',
    plan,
    problems: [{ code: 'documents-disagree', object: sealRaw.key, message }],
  };
}

/** `damaged` when any problem is a contradiction, else `incomplete`. */
export function worstOf(problems: readonly Problem[]): 'incomplete' | 'damaged' {
  return problems.some(({ code }) => CONTRADICTIONS.has(code)) ? 'damaged' : 'incomplete';
}

/** What an unsealed set still lacks, per content: enough for a sweeper to name who went silent. */
function missingSoFar(plan: Plan, receipts: DocumentIndex): Problem[] {
  const seen = new Map<number, number>();
  for (const key of receipts.keys()) {
    const parsed = parseKey(key);
    if (parsed?.kind === 'receipt' && parsed.timestamp === plan.timestamp)
      seen.set(parsed.content, (seen.get(parsed.content) ?? 0) + 1);
  }
  return plan.contents.map(({ content, host }) => ({
    code: 'content-missing',
    content,
    message: `${seen.get(content) ?? 0} receipts from ${host}, and no seal`,
  }));
}

function manifestOf(plan: Plan, seal: Seal, contents: ManifestContent[], proof: Manifest['proof']): Manifest {
  const packs = contents.flatMap((content) => content.packs);
  const relations = contents.flatMap((content) => content.relations);
  const objects = [...packs, ...contents.flatMap((content) => content.metadata)];
  return {
    format: 'stowage/manifest',
    version: FORMAT_VERSION,
    timestamp: plan.timestamp,
    startedAt: plan.startedAt,
    sealedAt: seal.sealedAt,
    cluster: plan.cluster,
    flavour: plan.flavour,
    database: plan.database,
    root: plan.root,
    tool: plan.tool,
    snapshot: plan.snapshot,
    compression: plan.compression,
    selection: plan.selection,
    proof,
    totals: {
      contents: contents.length,
      relations: plan.relations.length,
      rows: sum(relations.map(({ rows }) => rows)),
      bytes: sum(relations.map(({ bytes }) => bytes)),
      storedBytes: sum(objects.map(({ bytes }) => bytes)),
      objects: objects.length,
      extents: sum(packs.map(({ extents }) => extents.length)),
    },
    relations: plan.relations,
    notShipped: plan.notShipped,
    contents,
  };
}

/** The seal was written over exactly one plan; a plan altered since would load right rows into wrong columns. */
function checkPlan({ key }: RawDocument, planSha256: string, seal: Seal): Problem | undefined {
  if (seal.planSha256 === planSha256) return undefined;
  return { code: 'documents-disagree', object: key, message: 'its digest is not the one in the seal' };
}

/** A failed backup was stopped everywhere: per content one problem says how much is missing, beside every contradiction. */
function inShort(content: number, problems: readonly Problem[]): Problem[] {
  const contradictions = problems.filter(({ code }) => CONTRADICTIONS.has(code));
  const missing = problems.length - contradictions.length;
  if (missing === 0) return contradictions;
  const message = `${missing} tables or files did not arrive before the backup was stopped`;
  return [...contradictions, { code: 'content-missing', content, message }];
}

function checkKey(raw: RawDocument, kind: 'plan' | 'seal', timestamp: string): Problem | undefined {
  if (raw.key === formatKey({ kind, timestamp })) return undefined;
  return { code: 'documents-disagree', object: raw.key, message: `says it belongs to set ${timestamp}` };
}

function checkSet(seal: Seal, plan: Plan): Problem | undefined {
  if (seal.timestamp === plan.timestamp) return undefined;
  const object = formatKey({ kind: 'seal', timestamp: seal.timestamp });
  return { code: 'documents-disagree', object, message: `is not the seal of set ${plan.timestamp}` };
}

function read<Schema extends z.ZodType>(
  schema: Schema,
  raw: RawDocument,
): { value: z.output<Schema> } | { problem: Problem } {
  try {
    return { value: decode(schema, raw) };
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    return { problem: { code: 'document-unreadable', object: raw.key, message: messageOf(error) } };
  }
}

const contentOf = ({ content }: { content?: number | undefined }) =>
  content === undefined ? {} : { content };
const sum = (numbers: readonly number[]) => numbers.reduce((total, next) => total + next, 0);
