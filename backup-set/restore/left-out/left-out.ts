import {
  gatherProblems,
  joinProblems,
  NO_PROBLEMS,
  type ProblemGatherer,
  type ProblemList,
} from '../../base/problems.ts';
import type { Problem } from '../../base/verdict.ts';
import type { RestoreReceipt } from '../../documents/restore/restore.ts';

/** Collects what the receipts of one phase left out, with their contents. */
export function gatherLeftOut() {
  const gathered: ProblemGatherer = gatherProblems();
  return {
    add(content: number, { leftOut = [], leftOutTotal = leftOut.length }: RestoreReceipt): void {
      const problems = leftOut.map((problem) => ({ content, ...problem }));
      gathered.addList(content, {
        problems,
        problemsTotal: Math.max(leftOutTotal, problems.length),
      });
    },
    list: () => gathered.list(),
  };
}

/** What all phases left out, in the order of the phases. */
export function joinLeftOut(lists: readonly ProblemList[]): ProblemList {
  return lists.reduce(joinProblems, NO_PROBLEMS);
}

/** Parts that pg_dump writes into the definition of their table. */
const INLINE: ReadonlySet<string> = new Set(['DEFAULT', 'NOT NULL', 'CHECK CONSTRAINT']);

/**
 * The problems of a comparison without the missing objects that a shipper has reported as left out:
 * they are listed once.
 */
export function withoutLeftOut(found: ProblemList, leftOut: ProblemList): ProblemList {
  if (leftOut.problemsTotal === 0) return found;
  const known = new Set(leftOut.problems.map(keyOf));
  const isTable = ({ schemaObject }: Problem) =>
    schemaObject !== undefined && /TABLE$|VIEW$/.test(schemaObject.kind);
  const tables = leftOut.problems.filter(isTable);
  const isKnown = (problem: Problem) => {
    const { code, content, schemaObject } = problem;
    if (code !== 'schema-object-missing' || schemaObject === undefined) return false;
    if (known.has(keyOf(problem))) return true;
    const { kind, schema, name } = schemaObject;
    return (
      INLINE.has(kind) &&
      tables.some(
        (table) =>
          table.content === content &&
          table.schemaObject?.schema === schema &&
          name.startsWith(`${table.schemaObject.name} `),
      )
    );
  };
  const problems = found.problems.filter((problem) => !isKnown(problem));
  return {
    problems,
    problemsTotal:
      Math.max(found.problemsTotal, found.problems.length) -
      (found.problems.length - problems.length),
  };
}

const keyOf = ({ content, schemaObject }: Problem) =>
  schemaObject === undefined
    ? ''
    : JSON.stringify([content, schemaObject.kind, schemaObject.schema, schemaObject.name]);
