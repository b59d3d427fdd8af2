import type { SetNumbers } from './numbers.ts';
import type { UnusualRules } from './rules.ts';
import { isFar, type TableSeries } from './series.ts';
import { carriedLess, changed, compressed, slower } from './texts.ts';
import type { Warning } from './warnings.ts';

/** Less is not compared. */
const BYTES_MIN = 1024 ** 2;
const SLOWER_MS_MIN = 60_000;

/** Warnings about the sums of a set, its contents, its duration and what it carried. */
export function wholeSetWarnings(
  set: SetNumbers,
  older: readonly SetNumbers[],
  series: readonly TableSeries[],
  rules: UnusualRules,
): Warning[] {
  const alike = older.filter(({ selected }) => selected === set.selected);
  return [
    ...sumWarnings(older, series, rules),
    ...carriedWarnings(set, alike, rules),
    ...durationWarnings(set, alike, rules),
    ...contentWarnings(set, alike, rules),
  ];
}

interface Sums {
  bytes: number;
  storedBytes: number;
}

/**
 * Bytes and stored bytes over the tables that the set and older sets have. For an older set without
 * a table, the next newer set that has it stands in, so that a new table changes no sum.
 */
function sumsOf(older: readonly SetNumbers[], series: readonly TableSeries[]): Sums[] {
  const sums: Sums[] = [
    { bytes: 0, storedBytes: 0 },
    ...older.map(() => ({ bytes: 0, storedBytes: 0 })),
  ];
  const add = (at: number, { bytes = 0, storedBytes = 0 }: Partial<Sums>) => {
    const sum = sums[at];
    if (sum === undefined) return;
    sum.bytes += bytes;
    sum.storedBytes += storedBytes;
  };
  for (const { table, older: known } of series) {
    if (table.kind === 'root') continue;
    add(0, { bytes: table.bytes ?? 0, storedBytes: table.storedBytes ?? 0 });
    let at = 0;
    for (const [index, { timestamp }] of older.entries()) {
      const next = known[at + 1];
      if (next !== undefined && next.timestamp >= timestamp) at += 1;
      const was = known[at]?.table;
      add(index + 1, { bytes: was?.bytes ?? 0, storedBytes: was?.storedBytes ?? 0 });
    }
  }
  return sums;
}

function sumWarnings(
  older: readonly SetNumbers[],
  series: readonly TableSeries[],
  rules: UnusualRules,
): Warning[] {
  const [is, ...before] = sumsOf(older, series);
  const [was] = before;
  const since = older[0]?.timestamp;
  if (is === undefined || was === undefined || since === undefined) return [];
  const seen = { what: 'the set', since };
  const warnings: Warning[] = [];
  const bytes = before.map((sum) => sum.bytes);
  const ofBytes = { ...seen, unit: 'bytes', was: was.bytes, is: is.bytes } as const;
  if (was.bytes >= BYTES_MIN && isFar(is.bytes, bytes, 'less', rules.lostPercent))
    warnings.push({ code: 'bytes-fewer', ...changed(ofBytes, 'bytes of rows') });
  if (was.bytes >= BYTES_MIN && isFar(is.bytes, bytes, 'more', rules.gainedPercent))
    warnings.push({ code: 'bytes-more', ...changed(ofBytes, 'bytes of rows') });
  if (Math.min(is.bytes, was.bytes) < BYTES_MIN) return warnings;
  const ratio = (sum: Sums) => sum.bytes / Math.max(1, sum.storedBytes);
  const ratios = before.map(ratio);
  if (isFar(ratio(is), ratios, 'less', rules.compressionPercent))
    warnings.push({
      code: 'compression-lower',
      ...compressed({ ...seen, was: ratio(was), is: ratio(is) }),
    });
  return warnings;
}

function carriedWarnings(
  { carried }: SetNumbers,
  alike: readonly SetNumbers[],
  { carriedPercent }: UnusualRules,
): Warning[] {
  const before = alike.flatMap(({ timestamp, carried: was }) =>
    was === undefined ? [] : [{ since: timestamp, was: was.share }],
  );
  const [newest] = before;
  if (carried === undefined || carried.usedBytes < BYTES_MIN || newest === undefined) return [];
  const shares = before.map(({ was }) => was);
  if (!isFar(carried.share, shares, 'less', carriedPercent)) return [];
  return [{ code: 'carried-less', ...carriedLess({ ...newest, is: carried.share }) }];
}

function durationWarnings(
  set: SetNumbers,
  alike: readonly SetNumbers[],
  { slowerPercent }: UnusualRules,
): Warning[] {
  // A set without a base stores every row, and takes longer.
  const before = alike.filter(
    (one) =>
      (one.carried === undefined) === (set.carried === undefined) && hasSameContents(one, set),
  );
  const [newest] = before;
  if (newest === undefined || set.elapsedMs < SLOWER_MS_MIN) return [];
  const times = before.map(({ elapsedMs }) => elapsedMs);
  if (!isFar(set.elapsedMs, times, 'more', slowerPercent)) return [];
  const seen = { since: newest.timestamp, was: newest.elapsedMs, is: set.elapsedMs };
  return [{ code: 'slower', ...slower(seen) }];
}

/** Contents whose rows changed far more than those of the other contents. */
function contentWarnings(
  set: SetNumbers,
  alike: readonly SetNumbers[],
  rules: UnusualRules,
): Warning[] {
  const before = alike.filter((one) => hasSameContents(one, set));
  const [newest] = before;
  if (newest === undefined || set.contents.size < 2) return [];
  const total = ({ contents }: SetNumbers) => [...contents.values()].reduce((a, b) => a + b, 0);
  const totals = before.map(total);
  const found = (to: 'less' | 'more', percent: number) => {
    // The tables say it already when the set as a whole has changed as much.
    if (isFar(total(set), totals, to, percent)) return [];
    return [...set.contents].flatMap(([content, is]): Warning[] => {
      const values = before.map(({ contents }) => contents.get(content) ?? 0);
      const was = values[0] ?? 0;
      if (was < rules.rowsMin || !isFar(is, values, to, percent)) return [];
      const seen = { what: `content ${content}`, since: newest.timestamp, unit: 'rows' } as const;
      const code = to === 'less' ? 'rows-fewer' : 'rows-more';
      return [{ code, content, ...changed({ ...seen, was, is }, 'rows') }];
    });
  };
  return [...found('less', rules.lostPercent), ...found('more', rules.gainedPercent)];
}

function hasSameContents(one: SetNumbers, other: SetNumbers): boolean {
  return (
    one.contents.size === other.contents.size &&
    [...one.contents.keys()].every((content) => other.contents.has(content))
  );
}
