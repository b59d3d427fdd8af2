import { count, plural } from '../../backup-set/base/words.ts';
import { NO_SCREEN, type Screen } from '../output/table/screen.ts';
import { type Column, table } from '../output/table/table.ts';
import { folded } from './fold.ts';

/** The result of one check. */
export interface Check {
  readonly of: string;
  readonly name: string;
  readonly ok: boolean;
  /** Shown as `note`: worth reading, but backups work. */
  readonly remark?: true;
  /** Shown as `–`: not made, because of an earlier `BAD`. `ok` is then false. */
  readonly skipped?: true;
  /** What was found and, when it is wrong, what to do. */
  readonly detail: string;
}

/** Failed checks come last and together, where they are still on the screen after a long table. */
export function tableOf(checks: readonly Check[], screen: Screen = NO_SCREEN): string {
  const bad = checks.filter(({ ok, skipped }) => !ok && skipped !== true).length;
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
      : `${bad} of ${plural(checks.length, 'check')} failed${unmade}: correct what the BAD lines name, and run doctor again`,
  ].join('\n');
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
