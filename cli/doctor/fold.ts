import { count } from '../../backup-set/base/words.ts';
import type { Check } from './check.ts';
import { namesOf } from './contents.ts';

/** Fewer alike lines are shown one by one. */
const ALIKE_MIN = 4;

/**
 * One line for the same check of many contents, where the first of them was: those that found the
 * same but for numbers and, of the rest, all that ended alike. A line names its contents, and
 * quotes the first when they differ. Pure.
 */
export function folded(checks: readonly Check[]): Check[] {
  return foldBy(
    foldBy(checks, ({ detail }) => detail.replaceAll(/\d+/g, '#')),
    () => '',
  );
}

function foldBy(checks: readonly Check[], kindOf: (check: Check) => string): Check[] {
  const keyOf = (check: Check) => {
    const place = placeOf(check);
    if (place === undefined) return undefined;
    const { ok, remark, skipped, name } = check;
    return JSON.stringify([place.of, name, ok, remark, skipped, kindOf(check)]);
  };
  const alike = Map.groupBy(checks, keyOf);
  const total = totals(checks);
  return checks.flatMap((check) => {
    const key = keyOf(check);
    const same = key === undefined ? [] : (alike.get(key) ?? []);
    if (same.length < ALIKE_MIN) return [check];
    return same[0] === check ? [joined(same, total(check))] : [];
  });
}

/** How many contents a check was made of. */
function totals(checks: readonly Check[]): (check: Check) => number {
  const keyOf = (check: Check) => JSON.stringify([placeOf(check)?.of, check.name]);
  const byName = Map.groupBy(checks, keyOf);
  return (check) =>
    new Set(byName.get(keyOf(check))?.flatMap((one) => placeOf(one)?.content ?? [])).size;
}

function joined(same: readonly Check[], total: number): Check {
  const [first] = same as [Check];
  const contents = same.flatMap((one) => placeOf(one)?.content ?? []);
  const of = `${placeOf(first)?.of ?? ''}${namesOf(contents)}`;
  if (same.every(({ detail }) => detail === first.detail)) return { ...first, of };
  const many = `${count(contents.length)} of ${count(total)}`;
  return { ...first, of, detail: `${many}, first ${first.of}: ${first.detail}` };
}

/** The content of a check, and what stands before it: the name of another database. */
function placeOf({ of }: Check): { of: string; content: number } | undefined {
  const [, before = '', content] = /^(.*: )?content (-?\d+)$/s.exec(of) ?? [];
  return content === undefined ? undefined : { of: before, content: Number(content) };
}
