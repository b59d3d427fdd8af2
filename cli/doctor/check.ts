import { count, plural } from '../../backup-set/base/words.ts';
import { printable } from '../output/format.ts';
import { table } from '../output/table/table.ts';
import { namesOf } from './contents.ts';

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

/** Fewer alike lines are shown one by one. */
const ALIKE_MIN = 4;

/** Failed checks come last, where they are still on the screen after a long table. */
export function tableOf(checks: readonly Check[]): string {
  const bad = checks.filter(({ ok, skipped }) => !ok && skipped !== true).length;
  const skipped = checks.filter((check) => check.skipped === true).length;
  const unmade = skipped === 0 ? '' : `, ${count(skipped)} were not made`;
  return [
    table(
      ['', 'where', 'check', 'found'],
      linesOf(checks).map((check) => [
        statusOf(check),
        check.of,
        check.name,
        printable(check.detail),
      ]),
    ),
    '',
    bad === 0
      ? `${checks.length === 1 ? 'the check' : `all ${count(checks.length)} checks`} passed`
      : `${bad} of ${plural(checks.length, 'check')} failed${unmade}: correct what the BAD lines name, and run doctor again`,
  ].join('\n');
}

function linesOf(checks: readonly Check[]): Check[] {
  const rank = ({ ok, skipped }: Check) => (ok ? 0 : skipped === true ? 1 : 2);
  return mergeAlike(checks).toSorted((a, b) => rank(a) - rank(b));
}

/** One line for the checks of many contents that found the same, where the first of them was. */
function mergeAlike(checks: readonly Check[]): Check[] {
  const kindOf = (check: Check) =>
    contentOf(check) === undefined
      ? undefined
      : JSON.stringify([statusOf(check), check.name, check.detail]);
  const alike = Map.groupBy(checks, kindOf);
  return checks.flatMap((check) => {
    const kind = kindOf(check);
    const same = kind === undefined ? [] : (alike.get(kind) ?? []);
    if (same.length < ALIKE_MIN) return [check];
    if (same[0] !== check) return [];
    return [{ ...check, of: namesOf(same.map((one) => contentOf(one) ?? 0)) }];
  });
}

function contentOf({ of }: Check): number | undefined {
  const [, content] = /^content (-?\d+)$/.exec(of) ?? [];
  return content === undefined ? undefined : Number(content);
}

function statusOf({ ok, remark, skipped }: Check): string {
  if (skipped === true) return '–';
  if (!ok) return 'BAD';
  return remark === true ? 'note' : 'ok';
}
