import { count } from '../../backup-set/base/words.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { Screen } from '../output/table/screen.ts';
import { table } from '../output/table/table.ts';

/** What `stowage show` prints of a set that consists of files of gpbackup. */
export function filesLines(
  { files }: Manifest,
  { tablesShown, screen }: { readonly tablesShown: number; readonly screen: Screen },
): string[] {
  if (files === undefined) return [];
  const { layout, needs, tables } = files;
  const biggest = tables.toSorted((a, b) => b.rows - a.rows).slice(0, tablesShown);
  const rest = tables.length - biggest.length;
  return [
    `files of gpbackup, ${layout === 'single' ? 'one with the rows of all tables' : 'one for each table'} and segment`,
    ...(needs.length === 0 ? [] : [`an increment: it needs files of ${needs.join(', ')}`]),
    table(
      [
        { title: 'table', min: 16, cut: 'middle' },
        { title: 'rows', align: 'right' },
      ],
      biggest.map(({ schema, name, rows }) => [`${schema}.${name}`, count(rows)]),
      screen,
    ),
    ...(rest > 0 ? [`and ${count(rest)} more (--all)`] : []),
  ];
}
