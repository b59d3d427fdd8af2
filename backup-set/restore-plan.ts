import { FORMAT_VERSION } from './documents.ts';
import type { Phase } from './keys.ts';
import type { Manifest, ManifestContent } from './manifest.ts';
import type { Relation } from './plan.ts';
import type { RestorePlan, RestoreRequest } from './restore.ts';
import { isEverything, malformedPatterns, selects, unmatchedIncludes } from './selection.ts';
import type { Problem } from './verdict.ts';

export type Planned = { readonly plan: RestorePlan } | { readonly refused: readonly Problem[] };

/** Resolves a request against a manifest: phases and volumes, or every reason why it cannot be done. Pure. */
export function planRestore(request: RestoreRequest, manifest: Manifest, manifestSha256: string): Planned {
  const refused = impossible(request, manifest);
  if (refused.length > 0) return { refused };
  const chosen = chosenRelations(request, manifest);
  const contents = manifest.contents.map((content) => volumeOf(content, chosen));
  const phases: Phase[] = [
    ...(request.verify ? (['verify'] as const) : []),
    'pre-data',
    'data',
    'post-data',
    'analyze',
  ];
  return {
    plan: {
      format: 'stowage/restore-plan',
      version: FORMAT_VERSION,
      id: request.id,
      timestamp: request.timestamp,
      manifestSha256,
      phases,
      contents,
      totals: {
        contents: contents.length,
        relations: chosen.size,
        rows: total(contents, 'rows'),
        bytes: total(contents, 'bytes'),
        storedBytes: total(contents, 'storedBytes'),
      },
    },
  };
}

/** The relations a request is about, by id. */
export function chosenRelations(
  { selection }: Pick<RestoreRequest, 'selection'>,
  manifest: Manifest,
): ReadonlyMap<number, Relation> {
  const chosen = manifest.relations.filter((relation) =>
    selects(selection, relation, relation.partitionRoot),
  );
  return new Map(chosen.map((relation) => [relation.id, relation]));
}

/** True when the request wants all of the set, so that the schema is restored as a whole. */
export function isWhole({ selection }: Pick<RestoreRequest, 'selection'>): boolean {
  return isEverything(selection);
}

function impossible(request: RestoreRequest, manifest: Manifest): Problem[] {
  const problem = (message: string, content?: number): Problem => ({
    code: 'request-impossible',
    message,
    ...(content === undefined ? {} : { content }),
  });
  const problems: Problem[] = [];
  const { target } = request;
  const malformed = new Set(malformedPatterns(request.selection));
  if (request.timestamp !== manifest.timestamp)
    problems.push(problem(`the request is for set ${request.timestamp}, this is ${manifest.timestamp}`));
  if (target.flavour !== manifest.flavour)
    problems.push(problem(`the set is of flavour ${manifest.flavour}, the target of ${target.flavour}`));
  const targets = new Set(target.contents.map(({ content }) => content));
  if (targets.size !== target.contents.length) problems.push(problem('the target names a content twice'));
  for (const { content } of manifest.contents) {
    if (!targets.delete(content))
      problems.push(problem('the target has no segment for this content', content));
  }
  for (const content of targets)
    problems.push(problem('the set has no data for this segment of the target', content));
  for (const pattern of malformed) problems.push(problem(`${JSON.stringify(pattern)} is no pattern`));
  for (const pattern of unmatchedIncludes(request.selection, manifest.relations)) {
    if (!malformed.has(pattern))
      problems.push(problem(`${JSON.stringify(pattern)} matches nothing in the set`));
  }
  if (!isWhole(request) && chosenRelations(request, manifest).size === 0)
    problems.push(problem('the selection leaves no relation'));
  return problems;
}

function volumeOf(
  content: ManifestContent,
  chosen: ReadonlyMap<number, Relation>,
): RestorePlan['contents'][number] {
  const relations = content.relations.filter(({ relation }) => chosen.has(relation));
  const extents = content.packs.flatMap((pack) =>
    pack.extents.filter(({ relation }) => chosen.has(relation)),
  );
  return {
    content: content.content,
    relations: relations.length,
    rows: total(relations, 'rows'),
    bytes: total(relations, 'bytes'),
    storedBytes: total(extents, 'length'),
  };
}

function total<Field extends string>(
  items: readonly Readonly<Record<Field, number>>[],
  field: Field,
): number {
  return items.reduce((sum, item) => sum + item[field], 0);
}
