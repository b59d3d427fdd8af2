import { StowageError } from '../../backup-set/base/errors.ts';
import {
  isEverything,
  malformedPatterns,
  type QualifiedName,
  unmatchedIncludes,
} from '../../backup-set/base/selection.ts';
import type { Manifest, ManifestRelation } from '../../backup-set/documents/manifest.ts';
import { formatOf } from '../../backup-set/flavours/formats.ts';
import { identityPlace } from '../../backup-set/messages/identity-place.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import { chosenRelations } from '../../backup-set/restore/plan.ts';
import { writtenName } from '../read-set/table-name.ts';
import type { DumpOptions } from './options.ts';

/** What a script has of a set. */
export interface DumpPlan {
  /** Whose definitions, sequences and large objects are in it. */
  readonly catalogOf: number;
  /** Whose rows are in it; undefined: all. */
  readonly contents: readonly number[] | undefined;
  readonly relations: readonly ManifestRelation[];
  /** For the choice of definitions; undefined: everything. */
  readonly only: readonly QualifiedName[] | undefined;
}

/**
 * Pure.
 * @throws StowageError `export/impossible`; `table/not-found` for patterns that match nothing.
 */
export function dumpPlan(manifest: Manifest, options: DumpOptions): DumpPlan {
  const { selection } = options;
  const { timestamp, relations: all } = manifest;
  const where = { set: timestamp };
  if (options.globals && manifest.leftOut?.some(({ kind }) => kind === 'globals'))
    throw new StowageError(
      'export/impossible',
      `set ${timestamp} has no globals, because the role of its backup may not read roles: leave out --globals, and create the roles first, or use --no-owner and --no-acl`,
      { where: { ...where, field: 'globals' } },
    );
  const bad = [...malformedPatterns(selection), ...unmatchedIncludes(selection, all)];
  if (bad.length > 0)
    throw new StowageError(
      'table/not-found',
      `these patterns match no table of set ${timestamp}: ${bad.join(', ')}`,
      { where },
    );
  const relations = options.sections.includes('data')
    ? [...chosenRelations({ selection }, manifest).values()]
    : [];
  const binary = relations.find(({ rowFormat }) => rowFormat !== undefined);
  if (binary !== undefined)
    throw new StowageError(
      'export/impossible',
      `set ${timestamp}: rows of ${writtenName(binary)} are too long for COPY text, and a script cannot have them: leave it out with --exclude-table ${writtenName(binary)}, and restore it with \`stowage restore ${timestamp} --include-table ${writtenName(binary)}${identityPlace(manifest.encryption !== undefined)}\``,
      { where: { ...where, relation: writtenName(binary) } },
    );
  const chosen = [...chosenRelations({ selection }, manifest).values()];
  const names = chosen.flatMap(({ schema, name, partitionRoot }) => [
    { schema, name },
    ...(partitionRoot ? [partitionRoot] : []),
  ]);
  return {
    ...contentsOf(manifest, options.content),
    relations,
    only: isEverything(selection) ? undefined : names,
  };
}

/** A script makes one database. The shards of a set are a database each. */
function contentsOf(
  { timestamp, flavour, contents }: Manifest,
  wanted: number | undefined,
): Pick<DumpPlan, 'catalogOf' | 'contents'> {
  const where = { set: timestamp, field: 'content' };
  const numbers = contents.map(({ content }) => content);
  if (formatOf(flavour).hasOneCatalog) {
    if (wanted === undefined) return { catalogOf: COORDINATOR, contents: undefined };
    throw new StowageError(
      'export/impossible',
      `set ${timestamp} is of a ${flavour} cluster, whose segments share one catalog: leave --content out`,
      { where },
    );
  }
  const [only, another] = wanted === undefined ? numbers : [wanted];
  if (only !== undefined && another === undefined && numbers.includes(only))
    return { catalogOf: only, contents: [only] };
  const message =
    wanted === undefined
      ? `set ${timestamp} has the databases of ${numbers.length} shards, and a script makes one: choose one with --content (${numbers.join(', ')})`
      : `set ${timestamp} has no content ${wanted}: it has ${numbers.join(', ')}`;
  throw new StowageError('export/impossible', message, { where });
}
