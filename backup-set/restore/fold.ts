import { FORMAT_VERSION, type RawDocument } from '../base/document.ts';
import { formatKey, type Phase } from '../base/keys.ts';
import { gatherProblems, NO_PROBLEMS, type ProblemList } from '../base/problems.ts';
import type { Result } from '../base/result.ts';
import { boundedLeftOut, boundedProblems, type Problem } from '../base/verdict.ts';
import { count, plural } from '../base/words.ts';
import { readPinned } from '../documents/pinned.ts';
import { needsCounts, RestoreCounts } from '../documents/restore/found.ts';
import {
  type Outcome,
  type RestorePlan,
  RestoreReceipt,
  type RestoreRequest,
} from '../documents/restore/restore.ts';
import { gatherLeftOut, joinLeftOut, withoutLeftOut } from './left-out/left-out.ts';
import { gatherRolesKept } from './left-out/roles-kept.ts';
import { contentsIn } from './phases.ts';

export type RestoreStep =
  /** The orders of this phase must exist; receipts of these contents are missing. */
  | { readonly kind: 'awaiting'; readonly phase: Phase; readonly contents: readonly number[] }
  /** All orders were carried out; the command line has to store its counts. */
  | { readonly kind: 'counting' }
  | { readonly kind: 'ended'; readonly outcome: Outcome };

/**
 * The state of a restore, computed from its plan and receipts alone. Pure. It keeps only numbers
 * and names of relations, so that receipts can be read one by one: a thousand segments with ten
 * thousand tables each report ten million.
 */
export interface RestoreFold {
  /**
   * Adds the receipt of one content for one phase, in any order. A second call has no effect.
   * @param documents read from the key of the receipt: one, or several if reads returned different
   * bytes.
   */
  add(phase: Phase, content: number, documents: readonly RawDocument[]): void;
  /** Adds the counts of the command line, as `add` does. A second call has no effect. */
  addCounts(documents: readonly RawDocument[]): void;
  step(): RestoreStep;
}

export function createRestoreFold(plan: RestorePlan): RestoreFold {
  const kept = gatherRolesKept();
  const sums = plan.phases.map((phase) => sumPhase(plan, phase, kept));
  let counts: Result<RestoreCounts, Problem> | undefined;
  return {
    add(phase, content, documents) {
      sums[plan.phases.indexOf(phase)]?.add(content, documents);
    },
    addCounts(documents) {
      if (documents.length > 0) counts ??= readCounts(plan, documents);
    },
    step() {
      let loaded = NOTHING_LOADED;
      const leftOut = joinLeftOut(sums.map((sum) => sum.leftOut.list()));
      const end = (...args: Parameters<typeof outcomeOf>) =>
        ended({
          ...outcomeOf(...args),
          ...boundedLeftOut(leftOut.problems, leftOut.problemsTotal),
          ...kept.field(),
        });
      for (const { phase, awaiting, gathered, done } of sums) {
        const awaited = awaiting();
        // Even after a failure, all receipts are awaited: then no segment still changes the target.
        if (awaited.length > 0) return { kind: 'awaiting', phase, contents: awaited };
        if (gathered.total > 0) {
          const status =
            phase === 'verify' || refusedByAll(phase, done, gathered) ? 'refused' : 'failed';
          return end(plan, status, loaded, gathered.list());
        }
        if (phase === 'data') loaded = done;
      }
      const short = boundedProblems(loadDiffers(plan, loaded));
      if (!needsCounts(plan) || short.problemsTotal > 0)
        return end(plan, statusOf(short), loaded, short);
      if (counts === undefined) return { kind: 'counting' };
      if (!counts.ok) {
        const unreadable = listOf(counts.failure);
        return end(plan, statusOf(unreadable), loaded, unreadable);
      }
      const found = countDiffers(plan, counts.value, loaded, leftOut);
      const { objects } = counts.value;
      const { outcome } = end(plan, statusOf(found), loaded, found);
      return ended({
        ...outcome,
        counted: plan.count,
        ...(plan.objects === true && objects !== undefined && { objects }),
      });
    },
  };
}

const ended = (outcome: Outcome) => ({ kind: 'ended' as const, outcome });
const statusOf = ({ problemsTotal }: ProblemList) => (problemsTotal > 0 ? 'failed' : 'restored');
const listOf = (problem: Problem): ProblemList => boundedProblems([problem]);

/** What was loaded by the segments that carried out their orders of a phase. */
interface Loaded {
  readonly byContent: ReadonlyMap<number, LoadedContent>;
  /** Names of all loaded relations. */
  readonly names: ReadonlySet<string>;
}

interface LoadedContent {
  readonly rows: number;
  readonly relations: number;
  /** Relations that the receipt lists more than once. */
  readonly twice: number;
  readonly notLoaded: { readonly rows: number; readonly relations: number };
}

const NOTHING_LOADED: Loaded = { byContent: new Map(), names: new Set() };

function sumPhase(plan: RestorePlan, phase: Phase, kept: ReturnType<typeof gatherRolesKept>) {
  const contents = contentsIn(phase, plan);
  const awaited = new Set(contents);
  const gathered = gatherProblems();
  const leftOut = gatherLeftOut();
  const done = { byContent: new Map<number, LoadedContent>(), names: new Set<string>() };
  return {
    phase,
    gathered,
    leftOut,
    done,
    awaiting: () => contents.filter((content) => awaited.has(content)),
    add(content: number, documents: readonly RawDocument[]) {
      const object = formatKey({ kind: 'restore-receipt', restore: plan.id, phase, content });
      if (documents.length === 0 || !awaited.delete(content)) return;
      const receipt = readPinned(RestoreReceipt, documents, {
        key: object,
        codes: { ambiguous: 'receipt-altered', unreadable: 'receipt-unreadable' },
        content,
      });
      if (!receipt.ok) {
        gathered.add(content, [receipt.failure]);
        return;
      }
      const { status, problemsTotal, problems } = receipt.value;
      leftOut.add(content, receipt.value);
      kept.add(receipt.value);
      // `done` with a problem is a failure: there is no success with errors.
      if (status === 'failed' || problemsTotal > 0 || problems.length > 0) {
        const reported = problems.map((problem) => ({ content, ...problem }));
        const listed = reported.length > 0 ? reported : [failedWithoutReason(content, object)];
        gathered.addList(content, { problems: listed, problemsTotal });
        return;
      }
      done.byContent.set(content, countLoaded(receipt.value, done.names));
    },
  };
}

/** @param names gets the names of the receipt's relations. */
function countLoaded(
  { relations, notLoaded = [] }: RestoreReceipt,
  names: Set<string>,
): LoadedContent {
  const own = new Set<string>();
  let rows = 0;
  for (const relation of relations) {
    const name = JSON.stringify([relation.schema, relation.name]);
    own.add(name);
    names.add(name);
    rows += relation.rows;
  }
  return {
    rows,
    relations: own.size,
    twice: relations.length - own.size,
    notLoaded: {
      rows: notLoaded.reduce((sum, relation) => sum + relation.rows, 0),
      relations: notLoaded.length,
    },
  };
}

/** True if every target rejected the restore before it changed anything. */
function refusedByAll(
  phase: Phase,
  { byContent }: Loaded,
  { codes }: { codes: ReadonlySet<string> },
): boolean {
  return (
    phase === 'pre-data' &&
    byContent.size === 0 &&
    [...codes].every((code) => code === 'target-refused')
  );
}

/** The outcome of a request that was rejected before the first order. */
export function refusedOutcome(
  request: Pick<RestoreRequest, 'id' | 'timestamp'>,
  problems: readonly Problem[],
): Outcome {
  return outcomeOf(request, 'refused', NOTHING_LOADED, boundedProblems(problems));
}

const NONE_LOADED: LoadedContent = {
  rows: 0,
  relations: 0,
  twice: 0,
  notLoaded: { rows: 0, relations: 0 },
};

/** The relations and rows that were loaded or named as not loaded must be those of the plan. */
function loadDiffers(plan: RestorePlan, { byContent }: Loaded): Problem[] {
  return plan.contents.flatMap((planned): Problem[] => {
    const { content, relations, rows } = planned;
    const loaded = byContent.get(content) ?? NONE_LOADED;
    const { twice, notLoaded } = loaded;
    const isWhole =
      loaded.rows + notLoaded.rows === rows && loaded.relations + notLoaded.relations === relations;
    if (isWhole && twice === 0) return [];
    const inRelations = `${count(loaded.relations)} of ${plural(relations, 'relation')}`;
    const message = `loaded ${count(loaded.rows)} of ${plural(rows, 'row')} in ${inRelations}`;
    return [
      {
        code: 'order-failed',
        content,
        message:
          twice === 0
            ? message
            : `${message}; the receipt lists ${plural(twice, 'relation')} twice`,
      },
    ];
  });
}

function readCounts({ id }: RestorePlan, documents: readonly RawDocument[]) {
  return readPinned(RestoreCounts, documents, {
    key: formatKey({ kind: 'restore-counts', restore: id }),
    codes: { ambiguous: 'receipt-altered', unreadable: 'receipt-unreadable' },
  });
}

/** The problems of the counts; without any, they must be those of what was loaded. */
function countDiffers(
  plan: RestorePlan,
  counts: RestoreCounts,
  { byContent }: Loaded,
  leftOut: ProblemList,
): ProblemList {
  const loaded = [...byContent.values()];
  const relations = loaded.reduce((sum, content) => sum + content.relations, 0);
  const rows = loaded.reduce((sum, content) => sum + content.rows, 0);
  const problemsTotal = Math.max(counts.problemsTotal, counts.problems.length);
  const left = withoutLeftOut({ problems: counts.problems, problemsTotal }, leftOut);
  if (left.problemsTotal > 0) return left;
  if (plan.objects === true && counts.objects?.missing !== problemsTotal)
    return listOf({
      code: 'objects-failed',
      message: 'counts.json does not list the objects that are missing',
    });
  if (!plan.count) return NO_PROBLEMS;
  if (counts.relations === relations && counts.rows === rows) return NO_PROBLEMS;
  const message = `counted ${counts.rows} of ${rows} rows in ${counts.relations} of ${relations} relations`;
  return listOf({ code: 'count-differs', message });
}

function outcomeOf(
  {
    id,
    timestamp,
    totals,
  }: Pick<RestorePlan, 'id' | 'timestamp'> & Partial<Pick<RestorePlan, 'totals'>>,
  status: Outcome['status'],
  { byContent, names }: Loaded,
  { problems, problemsTotal }: ProblemList,
): Outcome {
  return {
    format: 'stowage/outcome',
    version: FORMAT_VERSION,
    id,
    timestamp,
    status,
    totals: {
      contents: byContent.size === 0 ? 0 : (totals?.contents ?? 0),
      relations: names.size,
      rows: [...byContent.values()].reduce((sum, { rows }) => sum + rows, 0),
    },
    counted: false,
    problemsTotal,
    problems: boundedProblems(problems).problems,
  };
}

const failedWithoutReason = (content: number, object: string): Problem => ({
  code: 'order-failed',
  content,
  object,
  message: 'the order failed, and the receipt gives no reason',
});
