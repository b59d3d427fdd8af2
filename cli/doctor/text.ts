import { count, plural } from '../../backup-set/base/words.ts';
import { NO_SCREEN, type Screen } from '../output/table/screen.ts';
import { type Column, table } from '../output/table/table.ts';
import type { Check } from './check.ts';
import { folded } from './fold.ts';

/** Failed checks come last and together, where they are still on the screen after a long table. */
export function tableOf(checks: readonly Check[], screen: Screen = NO_SCREEN): string {
  const bad = checks.filter(isBad).length;
  const skipped = checks.filter((check) => check.skipped === true).length;
  const unmade = skipped === 0 ? '' : `, ${count(skipped)} were not made`;
  const lines = folded(checks).toSorted((a, b) => rankOf(a) - rankOf(b));
  const rows = lines.map((check) => [
    { text: statusOf(check), tone: TONES[rankOf(check)] },
    check.of,
    check.name,
    check.detail,
  ]);
  return [
    table(COLUMNS, rows, screen),
    '',
    bad === 0
      ? `${checks.length === 1 ? 'the check' : `all ${count(checks.length)} checks`} passed`
      : `${bad} of ${plural(checks.length, 'check')} failed${unmade}: correct what the BAD lines name, and run doctor again${unquoted(checks, lines)}`,
  ].join('\n');
}

const isBad = ({ ok, skipped }: Check) => !ok && skipped !== true;

/** The cause that another content has must not come up only after the quoted one is corrected. */
function unquoted(checks: readonly Check[], lines: readonly Check[]): string {
  const quoted = lines.filter(isBad);
  const isQuoted = ({ name, detail }: Check) =>
    quoted.some((line) => line.name === name && line.detail.endsWith(detail));
  const left = checks.filter((check) => isBad(check) && !isQuoted(check)).length;
  return left === 0
    ? ''
    : `. What ${left === 1 ? '1 of them' : `${count(left)} of them`} found is not quoted: doctor --json prints it`;
}

const COLUMNS: readonly Column[] = [
  { title: '' },
  { title: 'where', min: 10, cut: 'fold' },
  { title: 'check', min: 12, cut: 'fold' },
  { title: 'found', min: 30, cut: 'fold', align: 'left' },
];

/** By rank. */
const TONES = ['good', 'warn', 'dim', 'bad'] as const;

function rankOf({ ok, remark, skipped }: Check): 0 | 1 | 2 | 3 {
  if (skipped === true) return 2;
  if (!ok) return 3;
  return remark === true ? 1 : 0;
}

const statusOf = (check: Check) => (['ok', 'note', '–', 'BAD'] as const)[rankOf(check)];
