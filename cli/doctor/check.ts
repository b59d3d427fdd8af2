import { count, plural } from '../../backup-set/base/words.ts';
import { printable, table } from '../output/format.ts';

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

export function tableOf(checks: readonly Check[]): string {
  const bad = checks.filter(({ ok, skipped }) => !ok && skipped !== true).length;
  const skipped = checks.filter((check) => check.skipped === true).length;
  const unmade = skipped === 0 ? '' : `, ${count(skipped)} were not made`;
  return [
    table(
      ['', 'where', 'check', 'found'],
      checks.map((check) => [statusOf(check), check.of, check.name, printable(check.detail)]),
    ),
    '',
    bad === 0
      ? `${checks.length === 1 ? 'the check' : `all ${count(checks.length)} checks`} passed`
      : `${bad} of ${plural(checks.length, 'check')} failed${unmade}: correct what the BAD lines name, and run doctor again`,
  ].join('\n');
}

function statusOf({ ok, remark, skipped }: Check): string {
  if (skipped === true) return '–';
  if (!ok) return 'BAD';
  return remark === true ? 'note' : 'ok';
}
