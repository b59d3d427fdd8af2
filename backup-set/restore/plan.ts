import { FORMAT_VERSION } from '../base/document.ts';
import { failure, type Result, success } from '../base/result.ts';
import { isEverything, malformedPatterns, selector, unmatchedIncludes } from '../base/selection.ts';
import type { Problem } from '../base/verdict.ts';
import type { Manifest, ManifestPart, ManifestRelation } from '../documents/manifest.ts';
import type { Relation } from '../documents/plan.ts';
import type { RestorePlan, RestoreRequest } from '../documents/restore/restore.ts';
import type { TargetProblem } from '../flavours/format.ts';
import { findFormat, unknownFlavour } from '../flavours/formats.ts';
import { type ContentVolume, oversizedOrders } from './bounds.ts';
import { mapProblems } from './mapped/map.ts';
import { shapeProblems } from './mapped/shape.ts';
import { broughtBy, shapeOf, targetVolumes } from './mapped/volumes.ts';
import { namesOrReason } from './names/into.ts';
import {
  COORDINATOR,
  lackingContents,
  loadStrategy,
  restoredContents,
  workingContents,
} from './phases.ts';
import { makesObjects, phasesOf, restores } from './sections.ts';

/**
 * Makes the plan of a restore from its request and the manifest of the set. Pure.
 * @param volumes of every content that is restored, from `volumeOf`.
 * @param held how many chosen relations the restored contents have; absent = all chosen ones.
 * @returns the plan, or all reasons why the request is rejected.
 */
export function resolveRequest(
  request: RestoreRequest,
  manifest: Manifest,
  manifestSha256: string,
  volumes: readonly ContentVolume[],
  held?: number,
): Result<RestorePlan, readonly Problem[]> {
  const refused = impossible(request, manifest);
  if (refused.length > 0) return failure(refused);
  const chosen = loadedRelations(request, manifest);
  const differing = shapeProblems(request, manifest, volumes);
  if (differing.length > 0)
    return failure(differing.map((problem) => ({ code: 'request-impossible', ...problem })));
  const load = loadStrategy(request, manifest);
  const oversized = oversizedOrders(load, request, chosen, volumes);
  if (oversized.length > 0) return failure(oversized);
  const contents = plannedContents(load, request, manifest, chosen, volumes);
  return success({
    format: 'stowage/restore-plan',
    version: FORMAT_VERSION,
    id: request.id,
    timestamp: request.timestamp,
    manifestSha256,
    ...plannedSteps(request, manifest),
    contents,
    totals: {
      contents: contents.length,
      relations: held ?? chosen.size,
      rows: total(contents, 'rows'),
      bytes: total(contents, 'bytes'),
      storedBytes: total(contents, 'storedBytes'),
    },
  });
}

/** What a plan says of the steps of its restore. It follows from request and manifest alone. */
export function plannedSteps(
  request: RestoreRequest,
  manifest: Manifest,
): Pick<RestorePlan, 'phases' | 'load' | 'map' | 'count' | 'objects'> {
  return {
    phases: phasesOf(request),
    load: loadStrategy(request, manifest),
    ...(request.map && { map: request.map }),
    count: request.count && restores(request, 'data'),
    ...(request.objects === undefined ? {} : { objects: request.objects && makesObjects(request) }),
  };
}

/** The contents that a plan names, in its order. */
export function contentsPlanned(request: RestoreRequest, manifest: Manifest): number[] {
  const load = loadStrategy(request, manifest);
  if (load === 'mapped') return (request.map ?? []).map(({ to }) => to).sort((a, b) => a - b);
  if (load !== 'per-segment') return workingContents(request, manifest);
  const restored = restoredContents(request, manifest.contents);
  return restored.map(({ content }) => content).sort((a, b) => a - b);
}

function plannedContents(
  load: RestorePlan['load'],
  request: RestoreRequest,
  manifest: Manifest,
  chosen: ReadonlyMap<number, Relation>,
  volumes: readonly ContentVolume[],
): RestorePlan['contents'] {
  if (load === 'mapped') return targetVolumes(request, volumes);
  if (load !== 'per-segment')
    return coordinated(load, workingContents(request, manifest), chosen, volumes);
  return volumes.map(({ extents: _, ...volume }) => volume).sort((a, b) => a.content - b.content);
}

/** The relations that a request selects, by id. */
export function chosenRelations(
  { selection }: Pick<RestoreRequest, 'selection'>,
  manifest: Manifest,
): ReadonlyMap<number, ManifestRelation> {
  const selects = selector(selection);
  const chosen = manifest.relations.filter((relation) => selects(relation, relation.partitionRoot));
  return new Map(chosen.map((relation) => [relation.id, relation]));
}

/** The relations whose rows a request loads, by id. */
export function loadedRelations(
  request: Pick<RestoreRequest, 'selection' | 'sections'>,
  manifest: Manifest,
): ReadonlyMap<number, ManifestRelation> {
  return restores(request, 'data') ? chosenRelations(request, manifest) : new Map();
}

/** True if the request selects the whole set: then pg_restore gets no list of tables. */
export function isWhole({ selection }: Pick<RestoreRequest, 'selection'>): boolean {
  return isEverything(selection);
}

/** Large objects belong to no table: a partial restore or `truncate` leaves them, unless asked. */
export function bringsLargeObjects(
  request: Pick<RestoreRequest, 'selection' | 'mode' | 'largeObjects'>,
): boolean {
  return request.largeObjects === true || (isWhole(request) && request.mode !== 'truncate');
}

function impossible(request: RestoreRequest, manifest: Manifest): Problem[] {
  if (manifest.files !== undefined) {
    const message = 'the set consists of files of gpbackup: `stowage restore` converts it first';
    return [{ code: 'request-impossible', message }];
  }
  const problem = (message: string, content?: number): Problem => ({
    code: 'request-impossible',
    message,
    ...(content === undefined ? {} : { content }),
  });
  const problems: Problem[] = [];
  const { target } = request;
  const malformed = new Set(malformedPatterns(request.selection));
  if (request.timestamp !== manifest.timestamp)
    problems.push(
      problem(
        `the request is for set ${request.timestamp}, but the manifest is of ${manifest.timestamp}`,
      ),
    );
  if (target.flavour !== manifest.flavour)
    problems.push(
      problem(`the set has flavour ${manifest.flavour}, but the target has ${target.flavour}`),
    );
  problems.push(
    ...targetProblems(request, manifest).map(({ message, content }) => problem(message, content)),
  );
  if (request.globals && manifest.leftOut?.some(({ kind }) => kind === 'globals'))
    problems.push(
      problem(
        'the set has no globals, because the role of its backup may not read roles: leave out --globals, and create the roles first, or restore with --no-owner and --no-acl',
      ),
    );
  for (const pattern of malformed)
    problems.push(problem(`${JSON.stringify(pattern)} is malformed: write schema.table or schema`));
  for (const pattern of unmatchedIncludes(request.selection, manifest.relations)) {
    if (!malformed.has(pattern))
      problems.push(
        problem(`${JSON.stringify(pattern)} matches nothing in the set: check its spelling`),
      );
  }
  if (!isWhole(request) && chosenRelations(request, manifest).size === 0)
    problems.push(problem('the selection excludes all relations of the set'));
  else {
    const names = namesOrReason(request, chosenRelations(request, manifest).values());
    if (typeof names === 'string') problems.push(problem(names));
  }
  return problems;
}

/** A target lists each content once, and its flavour decides which contents it needs. */
function targetProblems(request: RestoreRequest, manifest: Manifest): TargetProblem[] {
  const { target } = request;
  const named = target.contents.map(({ content }) => content);
  const twice = named.filter((content, at) => named.indexOf(content) !== at);
  const contents = restoredContents(request, manifest.contents).map(({ content }) => content);
  const format = findFormat(manifest.flavour);
  if (request.contents !== undefined && format?.noSingleContents !== undefined)
    return [{ message: format.noSingleContents }];
  const lacking = lackingContents(request, manifest);
  if (lacking.length > 0) return lacking;
  const { map } = request;
  if (map !== undefined) return mapProblems({ ...request, map }, manifest);
  return [
    ...[...new Set(twice)].map((content) => ({
      message: 'the target lists this content twice',
      content,
    })),
    ...(format?.targetProblems(named, contents) ?? [{ message: unknownFlavour(manifest.flavour) }]),
  ];
}

/**
 * Volumes of a restore that the coordinator coordinates. It counts all rows; `bytes` and
 * `storedBytes` are counted for the content that reads them.
 */
function coordinated(
  load: RestorePlan['load'],
  working: readonly number[],
  chosen: ReadonlyMap<number, Relation>,
  volumes: readonly ContentVolume[],
): RestorePlan['contents'] {
  const ownOf = new Map(
    load === 'on-segment' ? volumes.map((volume) => [volume.content, volume]) : [],
  );
  const all = {
    relations: chosen.size,
    rows: total(volumes, 'rows'),
    bytes: total(volumes, 'bytes'),
    storedBytes: total(volumes, 'storedBytes'),
  };
  return working.map((content) => {
    const { bytes, storedBytes } = ownOf.get(content) ?? NOTHING;
    if (content !== COORDINATOR) return { content, relations: 0, rows: 0, bytes, storedBytes };
    return load === 'on-segment' ? { content, ...all, bytes, storedBytes } : { content, ...all };
  });
}

const NOTHING = { bytes: 0, storedBytes: 0 };

/** How much of one content a request reads, with what a map needs to know of it. */
export function volumeIn(
  request: RestoreRequest,
  chosen: ReadonlyMap<number, ManifestRelation>,
): (part: ManifestPart) => ContentVolume {
  const brings = broughtBy(request, chosen);
  return (part) => ({
    ...volumeOf(part, brings(part.content)),
    ...(request.map && { shape: shapeOf(request, part, chosen) }),
  });
}

/** How much of one content a restore of these relations reads. */
export function volumeOf(
  { content, relations, packs }: ManifestPart,
  chosen: ReadonlyMap<number, unknown>,
): ContentVolume {
  const counted = relations.filter(({ relation }) => chosen.has(relation));
  let [extents, storedBytes] = [0, 0];
  for (const pack of packs) {
    for (const { relation, length } of pack.extents) {
      if (!chosen.has(relation)) continue;
      extents += 1;
      storedBytes += length;
    }
  }
  return {
    content,
    relations: counted.length,
    rows: total(counted, 'rows'),
    bytes: total(counted, 'bytes'),
    storedBytes,
    extents,
  };
}

function total<Field extends string>(
  items: readonly Readonly<Record<Field, number>>[],
  field: Field,
): number {
  return items.reduce((sum, item) => sum + item[field], 0);
}
