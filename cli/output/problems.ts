import type { ErrorCode } from '../../backup-set/base/errors.ts';
import { describeProblem, type Problem, type Verdict } from '../../backup-set/base/verdict.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import { describeWarning, type Warning } from '../../backup-set/unusual/warnings.ts';
import type { DamagedPack } from '../../functions/sets/damaged-packs.ts';
import { printable } from './format.ts';

/** Problems printed as text; --json prints all. */
const SHOWN = 12;

/** The codes of failures that cause others: a segment, its shipper or its agent was lost. */
const LOSSES: ReadonlySet<string | undefined> = new Set<ErrorCode>([
  'shipper/died',
  'database/unreachable',
]);

/** The first problems as indented lines, losses first, and how many more there are. */
export function problemLines(problems: readonly Problem[], total = problems.length): string[] {
  const isLoss = ({ cause }: Problem) => LOSSES.has(cause);
  const ordered = [...problems.filter(isLoss), ...problems.filter((one) => !isLoss(one))];
  const first = ordered.slice(0, SHOWN);
  // One loss can end several contents: its line is printed once.
  const shown = [...new Set(first.map((one) => `  ${printable(describeProblem(one))}`))];
  const more = total - first.length;
  return more > 0 ? [...shown, `  … and ${count(more)} more (--json lists them)`] : shown;
}

/** What is unusual about a set, as indented lines below a title; none without warnings. */
export function warningLines({
  warnings = [],
  warningsTotal = warnings.length,
}: {
  readonly warnings?: readonly Warning[] | undefined;
  readonly warningsTotal?: number | undefined;
}): string[] {
  if (warningsTotal === 0) return [];
  const more = warningsTotal - Math.min(SHOWN, warnings.length);
  return [
    `unusual, compared with the sets before (the status does not change):`,
    ...warnings.slice(0, SHOWN).map((one) => `  ${printable(describeWarning(one))}`),
    ...(more > 0 ? [`  … and ${count(more)} more (--json lists the first 100)`] : []),
  ];
}

/** Says which packs of a set are damaged, which set's check has found it, and what to do. */
export function damagedPackLines([pack, ...others]: readonly DamagedPack[], set: string): string[] {
  if (pack === undefined) return [];
  const { object, foundIn } = pack;
  const more = others.length === 0 ? '' : ` and ${plural(others.length, 'other pack')}`;
  return [
    `set ${set} uses ${object}${more}, which the check of set ${foundIn} found damaged; \`stowage repair ${foundIn} --from ROOT-OF-A-COPY\` brings it back`,
  ];
}

/** How deep a `verify` of an encrypted set looked; empty for every other check. */
export function depthOf({ decrypted }: Pick<Verdict, 'decrypted'>): string {
  if (decrypted === undefined) return '';
  return decrypted
    ? ', every frame was decrypted'
    : ', checksums only: the set is encrypted, and no row was decrypted';
}
