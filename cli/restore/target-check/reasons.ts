import type { Problem } from '../../../backup-set/base/verdict.ts';
import { count } from '../../../backup-set/base/words.ts';
import { printable } from '../../output/format.ts';
import { wrapped } from '../../output/wrap.ts';

/** Reasons printed as text; --json prints more. */
const SHOWN = 12;

/** Each reason as a list item. Their messages name contents and tables. */
export function reasonLines(reasons: readonly Problem[]): string[] {
  const more = reasons.length - SHOWN;
  return [
    ...reasons.slice(0, SHOWN).flatMap(({ message }) => wrapped(printable(message), '- ')),
    ...(more > 0 ? [`… and ${count(more)} more (--dry-run --json lists them)`] : []),
  ];
}
