import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import type { Relation } from '../../../backup-set/documents/plan.ts';
import { tableKey } from '../../../backup-set/numbers/tables.ts';

/** What a manifest says about the definition of a table. */
type Definition = Pick<Relation, 'columns' | 'types' | 'generated' | 'condition' | 'replicated'>;

/** How the definition of a table has changed, as far as both manifests know it. */
export type DefinitionChange =
  | { readonly what: 'column-added' | 'column-dropped'; readonly column: string; type?: string }
  | {
      readonly what: 'column-type';
      readonly column: string;
      readonly was: string;
      readonly is: string;
    }
  | { readonly what: 'generated'; readonly column: string; was?: string; is?: string }
  | { readonly what: 'column-order' }
  | { readonly what: 'distribution'; readonly was: string; readonly is: string }
  /** Contents or leaves of the table have several definitions, in one of the sets at least. */
  | { readonly what: 'several-definitions' };

/** The distinct definitions of each table, those of a root being those of its leaves. */
export function definitionsOf({ relations }: Manifest): Map<string, Definition[]> {
  const found = new Map<string, Map<string, Definition>>();
  for (const relation of relations) {
    const definition = definitionOf(relation);
    const text = JSON.stringify(definition);
    for (const name of [relation, relation.partitionRoot]) {
      if (name === undefined) continue;
      const known = found.get(tableKey(name)) ?? new Map<string, Definition>();
      found.set(tableKey(name), known.set(text, definition));
    }
  }
  return new Map([...found].map(([key, definitions]) => [key, [...definitions.values()]]));
}

function definitionOf({ columns, types, generated, condition, replicated }: Relation): Definition {
  return {
    columns,
    ...(types && { types }),
    ...(generated && { generated }),
    ...(condition !== undefined && { condition }),
    ...(replicated && { replicated }),
  };
}

/** What differs between the definitions of a table in two sets. */
export function definitionChanges(
  before: readonly Definition[],
  after: readonly Definition[],
): DefinitionChange[] {
  const [was, ...moreBefore] = before;
  const [is, ...moreAfter] = after;
  if (was === undefined || is === undefined) return [];
  if (moreBefore.length === 0 && moreAfter.length === 0) return changesBetween(was, is);
  const texts = (definitions: readonly Definition[]) =>
    definitions.map((definition) => JSON.stringify(definition)).toSorted();
  const isSame = JSON.stringify(texts(before)) === JSON.stringify(texts(after));
  return isSame ? [] : [{ what: 'several-definitions' }];
}

function changesBetween(was: Definition, is: Definition): DefinitionChange[] {
  const [old, now] = [typesOf(was), typesOf(is)];
  const changes: DefinitionChange[] = [];
  for (const [column, type] of now)
    if (!old.has(column)) changes.push({ what: 'column-added', column, ...(type && { type }) });
  for (const [column, type] of old) {
    const next = now.get(column);
    if (!now.has(column)) changes.push({ what: 'column-dropped', column, ...(type && { type }) });
    else if (type !== undefined && next !== undefined && type !== next)
      changes.push({ what: 'column-type', column, was: type, is: next });
  }
  const common = ({ columns }: Definition) =>
    columns.filter((column) => old.has(column) && now.has(column)).join('\u0000');
  if (common(was) !== common(is)) changes.push({ what: 'column-order' });
  changes.push(...generatedChanges(was, is));
  const spread = ({ replicated }: Definition) => (replicated ? 'replicated' : 'distributed');
  if (spread(was) !== spread(is))
    changes.push({ what: 'distribution', was: spread(was), is: spread(is) });
  return changes;
}

/** The columns with their types; a type is undefined in sets of earlier programs. */
function typesOf({ columns, types }: Definition): Map<string, string | undefined> {
  return new Map(columns.map((column, at) => [column, types?.[at]]));
}

/** Sets of earlier programs do not know their generated columns. */
function generatedChanges(was: Definition, is: Definition): DefinitionChange[] {
  if (was.generated === undefined || is.generated === undefined) return [];
  const textsOf = (columns: NonNullable<Definition['generated']>) =>
    new Map(columns.map(({ name, type, expression }) => [name, `${type}: ${expression}`]));
  const [old, now] = [textsOf(was.generated), textsOf(is.generated)];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((column) => {
    const [before, after] = [old.get(column), now.get(column)];
    if (before === after) return [];
    return [
      {
        what: 'generated' as const,
        column,
        ...(before !== undefined && { was: before }),
        ...(after !== undefined && { is: after }),
      },
    ];
  });
}
