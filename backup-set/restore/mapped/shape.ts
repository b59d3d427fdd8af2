import { count, plural } from '../../base/words.ts';
import type { Manifest, ManifestRelation } from '../../documents/manifest.ts';
import type { MapRule } from '../../documents/restore/map.ts';
import type { RestoreRequest } from '../../documents/restore/restore.ts';
import type { ContentVolume } from '../bounds.ts';

/** Why contents cannot be merged, as far as documents tell. */
export interface ShapeProblem {
  readonly content: number;
  readonly message: string;
  readonly relation?: { readonly schema: string; readonly name: string };
}

/**
 * Compares the contents that go into one server: the first of a rule must have every relation of
 * the others, with the same columns and types, and the same encoding.
 */
export function shapeProblems(
  { map = [] }: Pick<RestoreRequest, 'map'>,
  manifest: Manifest,
  volumes: readonly ContentVolume[],
): ShapeProblem[] {
  return [
    ...map.flatMap((rule) => encodingProblems(rule, manifest)),
    ...map.flatMap((rule) => relationProblems(rule, manifest, volumes)),
    ...referenceProblems(manifest, volumes),
  ];
}

function encodingProblems(
  { from: [first, ...others] }: MapRule,
  manifest: Manifest,
): ShapeProblem[] {
  const encodingOf = (content: number | undefined) =>
    manifest.contents.find((one) => one.content === content)?.encoding;
  return others
    .filter((content) => encodingOf(content) !== encodingOf(first))
    .map((content) => ({
      content,
      message: `content ${content} has encoding ${encodingOf(content)}, and content ${first}, which goes into the same server, has ${encodingOf(first)}: give them servers of their own`,
    }));
}

function relationProblems(
  { from: [first, ...others] }: MapRule,
  { relations }: Manifest,
  volumes: readonly ContentVolume[],
): ShapeProblem[] {
  const idsOf = (content: number | undefined) =>
    volumes.find((volume) => volume.content === content)?.shape?.relations ?? [];
  const known = new Set(idsOf(first));
  const byName = new Map([...known].map((id) => [nameOf(relations[id]), relations[id]]));
  return others.flatMap((content) =>
    [...idsOf(content)]
      .filter((id) => !known.has(id))
      .flatMap((id): ShapeProblem[] => {
        const relation = relations[id];
        if (relation === undefined) return [];
        const { schema, name } = relation;
        const same = byName.get(nameOf(relation));
        const what =
          same === undefined
            ? `is on content ${content}, and not on content ${first}, which gives their server its definitions. Name content ${content} first`
            : `differs between contents ${first} and ${content}, which go into one server: ${difference(same, relation)}. Give them servers of their own`;
        const message = `table ${schema}.${name} ${what}, or leave the table out with --exclude-table`;
        return [{ content, relation: { schema, name }, message }];
      }),
  );
}

function difference(one: ManifestRelation, other: ManifestRelation): string {
  const columns = (relation: ManifestRelation) =>
    relation.columns
      .map((column, at) => `${column} ${relation.types?.[at] ?? ''}`.trim())
      .join(', ');
  const [here, there] = [columns(one), columns(other)];
  return here === there
    ? 'its kind, its generated columns or its partitioned table'
    : `its columns are (${here}) and (${there})`;
}

/** A copy that is left out must have the rows of the copy that is loaded. */
function referenceProblems(
  { relations }: Manifest,
  volumes: readonly ContentVolume[],
): ShapeProblem[] {
  const first = new Map<string, { content: number; rows: number; bytes: number }>();
  const problems: ShapeProblem[] = [];
  for (const { content, shape } of volumes)
    for (const { relation: id, rows, bytes } of shape?.references ?? []) {
      const relation = relations[id];
      if (relation === undefined) continue;
      const known = first.get(nameOf(relation));
      if (known === undefined) first.set(nameOf(relation), { content, rows, bytes });
      else if (known.rows !== rows || known.bytes !== bytes)
        problems.push({
          content,
          relation: { schema: relation.schema, name: relation.name },
          message: `table ${relation.schema}.${relation.name} cannot be loaded once: content ${known.content} has ${plural(known.rows, 'row')} of ${count(known.bytes)} bytes, and content ${content} has ${plural(rows, 'row')} of ${count(bytes)} bytes`,
        });
    }
  return problems;
}

const nameOf = (relation: { readonly schema: string; readonly name: string } | undefined) =>
  JSON.stringify([relation?.schema, relation?.name]);
