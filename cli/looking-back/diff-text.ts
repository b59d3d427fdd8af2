import { describeProblem } from '../../backup-set/base/verdict.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import { tableKey } from '../../backup-set/numbers/tables.ts';
import type { DefinitionChange } from '../../functions/looking-back/diff/definitions.ts';
import type { ComparedTable, LoneTable, SetDiff } from '../../functions/looking-back/diff/diff.ts';
import { bytes, printable } from '../output/format.ts';
import type { Screen } from '../output/table/screen.ts';
import { type Cell, type Column, table } from '../output/table/table.ts';
import { writtenName } from '../read-set/table-name.ts';
import { absenceText, signed } from './history-text.ts';

interface Shown {
  readonly screen: Screen;
  readonly partitions: boolean;
  readonly shown: number;
}

const COLUMNS: readonly Column[] = [
  { title: 'table', min: 16, cut: 'middle' },
  { title: 'what', min: 16, cut: 'fold' },
  { title: 'rows', align: 'right' },
  { title: 'change', align: 'right' },
  { title: 'bytes', align: 'right', drop: 1 },
];

/** A difference for people: a table of what changed, and a summary. */
export function diffText(diff: SetDiff, { screen, partitions, shown }: Shown): string {
  const rows = [
    ...diff.dropped.filter(isListed(partitions, diff)).map((one) => loneRow(one, 'dropped')),
    ...diff.added.filter(isListed(partitions, diff)).map((one) => loneRow(one, 'added')),
    ...diff.changed.filter(isListed(partitions, diff)).map(changedRow),
    ...diff.unknown.filter(isListed(partitions, diff)).map(unknownRow),
  ];
  const rest = rows.length - Math.min(rows.length, shown);
  return [
    `from set ${diff.from.timestamp} to set ${diff.to.timestamp}: ${totalsText(diff)}`,
    ...otherLines(diff),
    '',
    ...(rows.length > 0 ? [table(COLUMNS, rows.slice(0, shown), screen)] : []),
    ...(rest > 0 ? [`… and ${plural(rest, 'other table')} (--all prints them)`] : []),
    ...(rows.length > 0 ? [''] : []),
    summaryOf(diff),
    ...partitionLines(partitions, diff),
    ...diff.unreadable.map((problem) => printable(`not compared: ${describeProblem(problem)}`)),
  ].join('\n');
}

/** A partition is listed with --partitions, or where its root is in neither set. */
function isListed(
  partitions: boolean,
  { added, dropped, changed, unknown }: SetDiff,
): (one: ComparedTable | LoneTable) => boolean {
  const roots = new Set(
    [...added, ...dropped, ...changed, ...unknown]
      .filter(({ kind }) => kind === 'root')
      .map(tableKey),
  );
  return ({ root }) => partitions || root === undefined || !roots.has(tableKey(root));
}

function partitionLines(partitions: boolean, diff: SetDiff): string[] {
  const all = [...diff.added, ...diff.dropped, ...diff.changed, ...diff.unknown];
  const isShown = isListed(partitions, diff);
  const hidden = all.filter((one) => !isShown(one)).length;
  return hidden === 0
    ? []
    : [`${plural(hidden, 'partition')} of these not listed (--partitions lists them)`];
}

function totalsText({ from, to }: SetDiff): string {
  const rows = to.totals.rows - from.totals.rows;
  const size = to.totals.bytes - from.totals.bytes;
  return `${signed(rows)} rows, ${signedBytes(size)}`;
}

function otherLines({ from, to }: SetDiff): string[] {
  const isOther = from.database !== to.database || from.cluster !== to.cluster;
  const name = ({ database, cluster }: SetDiff['from']) => `${database} of cluster ${cluster}`;
  const chosen = JSON.stringify(from.selection) !== JSON.stringify(to.selection);
  return [
    ...(isOther
      ? [printable(`the sets are of different databases: ${name(from)} and ${name(to)}`)]
      : []),
    ...(chosen ? ['the sets were made with different selections of tables'] : []),
  ];
}

function loneRow(one: LoneTable, what: 'added' | 'dropped'): Cell[] {
  const { other, rows, bytes: size } = one;
  // What the other set did not select was not added or dropped.
  const why = other.why === 'not-there' ? what : `${absenceText(other)} in ${inOther(what)}`;
  const sign = what === 'added' ? 1 : -1;
  return [
    nameOf(one),
    { text: why, tone: what === 'dropped' ? 'warn' : undefined },
    count(rows),
    signed(sign * rows),
    size === undefined ? undefined : signedBytes(sign * size),
  ];
}

const inOther = (what: 'added' | 'dropped') =>
  what === 'added' ? 'the first set' : 'the second set';

function changedRow(one: ComparedTable): Cell[] {
  const { was, is, rows, definition } = one;
  const leaves = is.leaves !== undefined && was.leaves !== undefined && is.leaves !== was.leaves;
  const ofRows = rowsText(one);
  return [
    nameOf(one),
    [
      ...definition.map(definitionText),
      ...(leaves ? [`${was.leaves} → ${is.leaves} partitions`] : []),
      ...(rows === 'differ' || definition.length > 0 ? [ofRows] : []),
    ].join('; '),
    count(is.rows),
    is.rows === was.rows ? '=' : signed(is.rows - was.rows),
    is.bytes === undefined || was.bytes === undefined
      ? undefined
      : signedBytes(is.bytes - was.bytes),
  ];
}

function rowsText({ was, is, rows }: ComparedTable): string {
  if (rows === 'same') return 'same rows';
  if (rows === 'unknown') return 'rows not compared';
  if (is.rows === was.rows) return 'other rows';
  return is.rows < was.rows ? 'fewer rows' : 'more rows';
}

function unknownRow(one: ComparedTable): Cell[] {
  return [nameOf(one), 'equal numbers, rows not compared', count(one.is.rows), '=', '='];
}

function nameOf(one: ComparedTable | LoneTable): string {
  return writtenName(one) + (one.kind === 'root' ? ' (all partitions)' : '');
}

function definitionText(change: DefinitionChange): string {
  switch (change.what) {
    case 'column-added':
      return `column ${change.column}${change.type ? ` ${change.type}` : ''} added`;
    case 'column-dropped':
      return `column ${change.column} dropped`;
    case 'column-type':
      return `column ${change.column}: ${change.was} → ${change.is}`;
    case 'column-order':
      return 'other order of columns';
    case 'generated':
      return `generated column ${change.column}: ${change.was ?? 'none'} → ${change.is ?? 'none'}`;
    case 'distribution':
      return `${change.was} → ${change.is}`;
    case 'several-definitions':
      return 'its definitions differ (segments or partitions have several)';
  }
}

function summaryOf({ added, dropped, changed, unknown, same }: SetDiff): string {
  const own = (tables: readonly { readonly kind: string }[]) =>
    count(tables.filter(({ kind }) => kind !== 'root').length);
  const known = `${own(added)} added, ${own(dropped)} dropped, ${own(changed)} changed, ${plural(same, 'table')} with the same rows and definition`;
  const open = unknown.filter(({ kind }) => kind !== 'root').length;
  return open === 0
    ? known
    : `${known}, ${count(open)} not known: equal numbers, no digests that tell`;
}

const signedBytes = (size: number) =>
  size === 0 ? '=' : `${size > 0 ? '+' : '-'}${bytes(Math.abs(size))}`;
