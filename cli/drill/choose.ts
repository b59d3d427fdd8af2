import { sha256 } from '../../backup-set/base/document.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { EVERYTHING, type QualifiedName, type Selection } from '../../backup-set/base/selection.ts';
import type { Manifest, ManifestRelation } from '../../backup-set/documents/manifest.ts';
import { formatOf } from '../../backup-set/flavours/formats.ts';
import { findTable } from '../read-set/find-table.ts';
import type { DrillScope } from './options.ts';

/** What a drill restores. */
export interface Chosen {
  readonly selection: Selection;
  /** Absent = all contents of the set. */
  readonly contents?: readonly number[];
}

/** Servers that one drill makes: each takes a process, about 40 MB and a second to start. */
export const THROWAWAY_SERVERS_MAX = 8;

/**
 * What a drill of this scope restores. The same seed chooses the same tables; another one chooses
 * others, so that many drills cover the set.
 * @throws StowageError `table/not-found`, `table/ambiguous`, `restore/refused`.
 */
export function choose(
  manifest: Manifest,
  scope: DrillScope,
  { seed, serversMax }: { readonly seed: string; readonly serversMax: number },
): Chosen {
  const contents = contentsWithin(manifest, scope, { seed, serversMax });
  return { selection: selectionOf(manifest, scope, seed), ...(contents && { contents }) };
}

function selectionOf(manifest: Manifest, scope: DrillScope, seed: string): Selection {
  if (scope.kind === 'all') return EVERYTHING;
  const tables =
    scope.kind === 'tables'
      ? scope.names.map((name) => findTable(manifest, name))
      : sample(manifest.relations, scope.tables, seed);
  if (tables.length === 0)
    throw new StowageError(
      'restore/refused',
      `set ${manifest.timestamp} has no table: use --all to restore its definitions`,
      { where: { set: manifest.timestamp } },
    );
  return { ...EVERYTHING, includeTables: tables.map(patternOf) };
}

/** Tables in a pseudo-random order; those without rows come last. A root stands for its leaves. */
function sample(
  relations: readonly ManifestRelation[],
  tables: number,
  seed: string,
): QualifiedName[] {
  const named = new Map<string, { name: QualifiedName; rows: number; order: string }>();
  for (const relation of relations) {
    const { schema, name } = relation.partitionRoot ?? relation;
    const key = JSON.stringify([schema, name]);
    const rows = (named.get(key)?.rows ?? 0) + relation.totals.rows;
    const order = named.get(key)?.order ?? sha256(Buffer.from(`${seed} ${key}`));
    named.set(key, { name: { schema, name }, rows, order });
  }
  return [...named.values()]
    .toSorted((a, b) => Number(a.rows === 0) - Number(b.rows === 0) || (a.order < b.order ? -1 : 1))
    .slice(0, tables)
    .map(({ name }) => name);
}

/** @throws StowageError `restore/refused` when the whole set needs more servers. */
function contentsWithin(
  manifest: Manifest,
  scope: DrillScope,
  { seed, serversMax }: { readonly seed: string; readonly serversMax: number },
): readonly number[] | undefined {
  const all = manifest.contents.map(({ content }) => content);
  if (formatOf(manifest.flavour).hasOneCatalog || all.length <= serversMax) return undefined;
  if (scope.kind === 'all')
    throw new StowageError(
      'restore/refused',
      `set ${manifest.timestamp} has ${all.length} contents, and --throwaway starts at most ${serversMax} servers: use --sample, or --into a cluster with ${all.length} servers`,
      { where: { set: manifest.timestamp } },
    );
  const order = (content: number) => sha256(Buffer.from(`${seed} ${content}`));
  return all
    .toSorted((a, b) => (order(a) < order(b) ? -1 : 1))
    .slice(0, serversMax)
    .toSorted((a, b) => a - b);
}

/** Matches this name only. */
const patternOf = ({ schema, name }: QualifiedName) =>
  [schema, name].map((part) => `"${part.replaceAll('"', '""')}"`).join('.');
