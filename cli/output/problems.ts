import { describeProblem, type Problem } from '../../backup-set/base/verdict.ts';
import { count } from '../../backup-set/base/words.ts';
import { printable } from './format.ts';

/** Lines shown to a person; --json has them all. */
const SHOWN = 12;

/** Problems as indented lines, the first ones; what is not shown is counted. */
export function problemLines(problems: readonly Problem[], total = problems.length): string[] {
  const shown = problems
    .slice(0, SHOWN)
    .map((problem) => `  ${printable(describeProblem(problem))}`);
  const more = total - shown.length;
  return more > 0 ? [...shown, `  … and ${count(more)} more (--json lists them)`] : shown;
}
