import { count } from '../../backup-set/base/words.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import { printable } from '../output/format.ts';
import { table } from '../output/table/table.ts';

/** What `stowage show` prints of a set that consists of files of gpbackup. */
export function filesLines({ files }: Manifest, tablesShown: number): string[] {
  if (files === undefined) return [];
  const { layout, needs, tables } = files;
  const biggest = tables.toSorted((a, b) => b.rows - a.rows).slice(0, tablesShown);
  const rest = tables.length - biggest.length;
  return [
    `files of gpbackup, ${layout === 'single' ? 'one with the rows of all tables' : 'one for each table'} and segment`,
    ...(needs.length === 0 ? [] : [`an increment: it needs files of ${needs.join(', ')}`]),
    table(
      ['table', 'rows'],
      biggest.map(({ schema, name, rows }) => [printable(`${schema}.${name}`), count(rows)]),
    ),
    ...(rest > 0 ? [`and ${count(rest)} more (--all)`] : []),
  ];
}
