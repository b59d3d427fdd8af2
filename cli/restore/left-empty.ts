import { isEverything, type QualifiedName, selector } from '../../backup-set/base/selection.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { RestoreRequest } from '../../backup-set/documents/restore/restore.ts';
import { isWhole } from '../../backup-set/restore/plan.ts';
import { restores } from '../../backup-set/restore/sections.ts';
import type { Context } from '../context.ts';
import { printable } from '../output/format.ts';

/** Tables named in the text; --json names all. */
const SHOWN = 8;

/**
 * The tables that a restore creates without rows, because the set was made of chosen tables only.
 * Its schema archive has the definitions of all tables.
 */
export function leftEmpty(
  request: Pick<RestoreRequest, 'mode' | 'selection' | 'sections'>,
  { selection, notShipped }: Pick<Manifest, 'selection' | 'notShipped'>,
): readonly QualifiedName[] {
  if (request.mode === 'truncate') return [];
  if (isEverything(selection) && isWhole(request)) return [];
  // The other sections make no table, or leave all tables empty as the flags say.
  if (!restores(request, 'pre-data') || !restores(request, 'data')) return [];
  const selects = selector(request.selection);
  return notShipped
    .filter(({ reason }) => reason === 'excluded' || reason === 'unlogged')
    .filter((table) => selects(table))
    .map(({ schema, name }) => ({ schema, name }));
}

/** Says before the restore begins which tables it creates without rows. */
export function noteLeftEmpty({ output }: Context, tables: readonly QualifiedName[]): void {
  if (tables.length === 0) return;
  const names = tables.slice(0, SHOWN).map(({ schema, name }) => printable(`${schema}.${name}`));
  const rest = tables.length > SHOWN ? ` and ${count(tables.length - SHOWN)} more` : '';
  output.note(
    'left-empty',
    { relations: tables.length, names: tables },
    `the set was made of chosen tables: the restore creates ${plural(tables.length, 'table')} without rows: ${names.join(', ')}${rest}. --include-table and --include-schema restore chosen tables only`,
  );
}
