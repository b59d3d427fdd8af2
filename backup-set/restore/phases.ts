import type { Phase } from '../base/keys.ts';
import { plural } from '../base/words.ts';
import type { Manifest, ManifestRelation } from '../documents/manifest.ts';
import type { RestorePlan, RestoreRequest } from '../documents/restore/restore.ts';
import { formatOf } from '../flavours/formats.ts';

/** The content id of a coordinator. */
export const COORDINATOR = -1;

/** A request that may name contents. */
export interface NamedContents {
  readonly contents?: readonly number[];
}

/** The contents of a set that a request restores. */
export function restoredContents<Of extends { readonly content: number }>(
  { contents }: NamedContents,
  ofSet: readonly Of[],
): readonly Of[] {
  return contents === undefined ? ofSet : ofSet.filter(({ content }) => contents.includes(content));
}

/** The contents that a request names and the set lacks. */
export function lackingContents(
  { contents = [] }: NamedContents,
  { contents: ofSet, timestamp }: Pick<Manifest, 'contents' | 'timestamp'>,
): { readonly content: number; readonly message: string }[] {
  const has = ofSet.map(({ content }) => content);
  return [...new Set(contents)]
    .filter((content) => !has.includes(content))
    .map((content) => ({
      content,
      message: `set ${timestamp} has no content ${content}: it has ${plural(has.length, 'content')}, ${firstOf(has)}`,
    }));
}

const NAMED_MAX = 10;

function firstOf(contents: readonly number[]): string {
  const more = contents.length > NAMED_MAX ? ', …' : '';
  return `${contents.slice(0, NAMED_MAX).join(', ')}${more}`;
}

/**
 * The contents of a target that a restore coordinated by its coordinator gives work to. A set that
 * was taken through the coordinator has content -1 only, and is restored without the segments.
 */
export function workingContents(
  { target }: Pick<RestoreRequest, 'target'>,
  { contents }: Pick<Manifest, 'contents'>,
): number[] {
  const isThrough = contents.every(({ content }) => content === COORDINATOR);
  return target.contents
    .map(({ content }) => content)
    .filter((content) => !isThrough || content === COORDINATOR)
    .sort((a, b) => a - b);
}

/** How the rows of a set are loaded into the requested target. */
export function loadStrategy(
  request: Pick<RestoreRequest, 'target' | 'resize' | 'map'>,
  { flavour, contents }: Pick<Manifest, 'flavour' | 'contents'>,
): RestorePlan['load'] {
  return request.map === undefined
    ? formatOf(flavour).loadStrategy(request, contents.length)
    : 'mapped';
}

/** The order of the coordinator has at most about this many extents of small relations. */
const SMALL_EXTENTS_MAX = 500_000;

/**
 * Tells which of these relations the segments load themselves: the rows of content i belong to
 * segment i in every database with the same number of segments. Small ones are loaded through the
 * coordinator: to start a program on every segment takes longer than their rows.
 */
export function segmentLoads(
  load: RestorePlan['load'],
  { smallTableBytes = 0 }: Pick<RestoreRequest, 'smallTableBytes'>,
  chosen: Iterable<ManifestRelation>,
): (relation: ManifestRelation) => boolean {
  const isSmall = ({ totals }: ManifestRelation) => totals.bytes < smallTableBytes;
  let extents = 0;
  for (const relation of chosen) if (isSmall(relation)) extents += relation.totals.extents;
  const areFew = extents <= SMALL_EXTENTS_MAX;
  return (relation) => canLoadOnSegment(load, relation) && !(areFew && isSmall(relation));
}

function canLoadOnSegment(
  load: RestorePlan['load'],
  { replicated, redistribute, fromCoordinator, condition, rowFormat, totals }: ManifestRelation,
): boolean {
  const isSliced = replicated !== true && fromCoordinator !== true && condition === undefined;
  const stays = isSliced && redistribute !== true;
  // One statement loads all segments: it cannot read text on one of them, and binary on another.
  return load === 'on-segment' && stays && rowFormat === undefined && totals.rows > 0;
}

/** The contents that get an order in a phase; the fold awaits only their receipts. */
export function contentsIn(
  phase: Phase,
  { load, contents }: Pick<RestorePlan, 'load' | 'contents'>,
): number[] {
  const all = contents.map(({ content }) => content);
  if (load === 'per-segment' || load === 'mapped') return all;
  if (phase === 'verify' || (phase === 'data' && load === 'on-segment')) return all;
  return all.filter((content) => content === COORDINATOR);
}

/** The contents of a set whose rows and metadata files a content of the target reads. */
export function contentsRead(
  request: Pick<RestoreRequest, 'target' | 'resize' | 'map' | 'contents'>,
  manifest: Pick<Manifest, 'flavour' | 'contents'>,
  content: number,
): number[] {
  const load = loadStrategy(request, manifest);
  if (load === 'mapped') return [...(request.map?.find(({ to }) => to === content)?.from ?? [])];
  // The coordinator loads what the segments do not.
  if (load !== 'per-segment' && content === COORDINATOR)
    return manifest.contents.map((one) => one.content);
  return [content];
}
