import { plural } from '../base/words.ts';
import { type TableNumbers, tableKey } from '../numbers/tables.ts';
import { covers, type SetNumbers } from './numbers.ts';
import { isUnusual } from './statistics.ts';
import { bounded } from './texts.ts';
import type { Warning } from './warnings.ts';

/**
 * Warnings about tables that the newest older set has rows of, and this set has not. Where as many
 * tables vanish between all sets, only those are named that still exist and are not shipped.
 */
export function missingTables(set: SetNumbers, older: readonly SetNumbers[]): Warning[] {
  const missing = newestHolders(set, older);
  const dropped = missing.filter(({ reason }) => reason === undefined);
  const vanished = older
    .slice(0, -1)
    .flatMap((one, at) => vanishedSince(one, older[at + 1]))
    // 1 more, so that none at all is a number from which a change has a share.
    .map((tables) => tables + 1);
  const isNews =
    vanished.length === 0 ||
    isUnusual(dropped.length + 1, vanished, { to: 'more', share: Number.EPSILON });
  return missing
    .filter(({ reason }) => isNews || reason !== undefined)
    .toSorted((a, b) => b.table.rows - a.table.rows)
    .map(warningOf);
}

interface Missing {
  readonly table: TableNumbers;
  /** The newest older set that would have it. */
  readonly since: string;
  /** Why the rows of an existing table are not in the set. */
  readonly reason: string | undefined;
}

/** Leaves are not looked at: the oldest partition of a table goes every night. */
function newestHolders(set: SetNumbers, older: readonly SetNumbers[]): Missing[] {
  const seen = new Set<string>();
  const missing: Missing[] = [];
  for (const one of older)
    for (const [key, table] of one.tables) {
      if (seen.has(key) || table.root !== undefined || set.tables.has(key)) continue;
      // Of several older sets, the newest that would have it decides.
      const newer = older.slice(0, older.indexOf(one)).some((other) => covers(other, set, table));
      seen.add(key);
      if (newer || table.rows === 0 || !covers(set, one, table)) continue;
      missing.push({ table, since: one.timestamp, reason: set.notShipped.get(key) });
    }
  return missing;
}

/** How many tables with rows a set lacks that the one before it had. */
function vanishedSince(set: SetNumbers, before: SetNumbers | undefined): number[] {
  if (before === undefined || before.selected !== set.selected) return [];
  const gone = [...before.tables.values()].filter(
    (table) =>
      table.root === undefined &&
      table.rows > 0 &&
      !set.tables.has(tableKey(table)) &&
      !set.notShipped.has(tableKey(table)),
  );
  return [gone.length];
}

function warningOf({ table, since, reason }: Missing): Warning {
  const { schema, name, rows } = table;
  const had = `set ${since} has ${plural(rows, 'row')} of it`;
  const how =
    reason === undefined
      ? 'is not in the database any more'
      : `exists and is not shipped (${reason})`;
  return {
    code: 'table-gone',
    message: bounded(`${schema}.${name} ${how}: ${had}`),
    relation: { schema, name },
    ...{ since, unit: 'rows', was: rows, is: 0 },
  };
}
