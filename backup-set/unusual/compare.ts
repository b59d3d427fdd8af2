import type { TableNumbers } from '../numbers/tables.ts';
import { missingTables } from './missing-tables.ts';
import type { SetNumbers } from './numbers.ts';
import type { UnusualRules } from './rules.ts';
import { isFar, type TableSeries, tableSeries } from './series.ts';
import { changed, compressed, type Seen } from './texts.ts';
import type { Warning, WarningList } from './warnings.ts';
import { wholeSetWarnings } from './whole-set.ts';

/** Tables with fewer bytes say little about compression. */
const COMPRESSION_BYTES_MIN = 1024 ** 2;

/**
 * Compares a set with older ones (docs/design/0043-unusual-sets.md). Pure, and in the order of
 * weight: whole set, missing tables, contents, lost rows, compression, more rows.
 * @param older of the same kind, newest first.
 */
export function compareSets(
  set: SetNumbers,
  older: readonly SetNumbers[],
  rules: UnusualRules,
): WarningList {
  if (older.length === 0) return { warnings: [] };
  const series = tableSeries(set, older);
  const ofTables = series.flatMap((one) => tableWarnings(one, rules));
  const roots = new Set(ofTables.map(({ code, table }) => placeOf(code, table)));
  const leaving = ofTables.filter(
    ({ code, table: { root } }) => root === undefined || !roots.has(placeOf(code, root)),
  );
  const warnings = [
    ...wholeSetWarnings(set, older, series, rules),
    ...missingTables(set, older),
    ...leaving.toSorted(byWeight).map(({ warning }) => warning),
  ];
  const compared = { sets: older.map(({ timestamp }) => timestamp), tables: series.length };
  return { compared, warnings: warnings.toSorted(byRank) };
}

interface TableWarning {
  readonly code: Warning['code'];
  readonly table: TableNumbers;
  readonly warning: Warning;
  /** Rows or bytes that it is about. */
  readonly weight: number;
}

function tableWarnings({ table, older }: TableSeries, rules: UnusualRules): TableWarning[] {
  const { schema, name } = table;
  const [newest] = older;
  if (newest === undefined) return [];
  const found: TableWarning[] = [];
  const add = (code: Warning['code'], warning: Omit<Warning, 'code'>, weight: number) =>
    found.push({ code, table, weight, warning: { code, relation: { schema, name }, ...warning } });
  const seen = { what: `${schema}.${name}`, since: newest.timestamp };
  const rows: Seen = { ...seen, unit: 'rows', was: newest.table.rows, is: table.rows };
  const values = older.map(({ table: was }) => was.rows);
  if (rows.was >= rules.rowsMin && isFar(rows.is, values, 'less', rules.lostPercent))
    add('rows-fewer', changed(rows, 'rows'), rows.was - rows.is);
  if (rows.was >= rules.rowsMin && isFar(rows.is, values, 'more', rules.gainedPercent))
    add('rows-more', changed(rows, 'rows'), rows.is - rows.was);
  const ratio = ratioOf(table);
  const ratios = older.map(({ table: was }) => ratioOf(was) ?? 0).filter((one) => one > 0);
  const was = ratioOf(newest.table);
  if (ratio !== undefined && was !== undefined)
    if (isFar(ratio, ratios, 'less', rules.compressionPercent))
      add('compression-lower', compressed({ ...seen, was, is: ratio }), table.bytes ?? 0);
  return found;
}

/** Bytes of rows per stored byte; undefined where there are too few. */
function ratioOf({ bytes, storedBytes }: TableNumbers): number | undefined {
  if (bytes === undefined || storedBytes === undefined) return undefined;
  return bytes < COMPRESSION_BYTES_MIN || storedBytes === 0 ? undefined : bytes / storedBytes;
}

const placeOf = (code: string, { schema, name }: Pick<TableNumbers, 'schema' | 'name'>) =>
  JSON.stringify([code, schema, name]);

const byWeight = (one: TableWarning, other: TableWarning) => other.weight - one.weight;

const RANKS: readonly Warning['code'][] = [
  'table-gone',
  'rows-fewer',
  'compression-lower',
  'rows-more',
];

/** What is about the whole set first; the sort is stable. */
function byRank(one: Warning, other: Warning): number {
  return rankOf(one) - rankOf(other);
}

function rankOf({ code, relation, content }: Warning): number {
  if (relation === undefined) return content === undefined ? 0 : 1.5;
  return 1 + RANKS.indexOf(code);
}
