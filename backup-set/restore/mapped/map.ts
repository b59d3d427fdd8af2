import type { Manifest } from '../../documents/manifest.ts';
import type { MapRule } from '../../documents/restore/map.ts';
import type { RestoreRequest } from '../../documents/restore/restore.ts';
import type { TargetProblem } from '../../flavours/format.ts';
import { findFormat } from '../../flavours/formats.ts';
import { lackingContents, restoredContents } from '../phases.ts';

type Mapped = Pick<RestoreRequest, 'map'>;

/** The contents of the set that go into a content of the target; the first gives definitions. */
export function sourcesOf({ map }: Mapped, target: number): readonly number[] {
  if (map === undefined) return [target];
  return map.find(({ to }) => to === target)?.from ?? [];
}

/** The content of the set whose definitions a content of the target gets. */
export function definedBy(request: Mapped, target: number): number {
  return sourcesOf(request, target)[0] ?? target;
}

/** The content of the target that gets a content of the set. */
export function targetOf({ map }: Mapped, source: number): number {
  return map?.find(({ from }) => from.includes(source))?.to ?? source;
}

/** True if every content of the set goes into the content of its own number: no map is needed. */
export function isIdentity(map: readonly MapRule[]): boolean {
  return map.every(({ to, from }) => from.length === 1 && from[0] === to);
}

/** Why a map does not fit the set, or the servers of the request do not fit the map. */
export function mapProblems(
  request: Pick<RestoreRequest, 'contents'> & {
    readonly map: readonly MapRule[];
    readonly target: { readonly contents: readonly { readonly content: number }[] };
  },
  manifest: Pick<Manifest, 'flavour' | 'contents' | 'timestamp'>,
): TargetProblem[] {
  const { map, target } = request;
  if (findFormat(manifest.flavour)?.canResize === true) return [{ message: RESIZES }];
  const sources = map.flatMap(({ from }) => from);
  const lacking = lackingContents({ contents: sources }, manifest);
  if (lacking.length > 0) return lacking;
  const wanted = restoredContents(request, manifest.contents).map(({ content }) => content);
  const targets = target.contents.map(({ content }) => content);
  return [
    ...twice(sources).map((content) => ({ content, message: SOURCE_TWICE(content) })),
    ...twice(map.map(({ to }) => to)).map((content) => ({
      content,
      message: TARGET_TWICE(content),
    })),
    ...wanted
      .filter((content) => !sources.includes(content))
      .map((content) => ({ content, message: NOT_MAPPED(content) })),
    ...unique(sources)
      .filter((content) => !wanted.includes(content))
      .map((content) => ({ content, message: NOT_WANTED(content) })),
    ...twice(targets).map((content) => ({
      content,
      message: 'the target lists this content twice',
    })),
    ...unique(map.map(({ to }) => to))
      .filter((content) => !targets.includes(content))
      .map((content) => ({ content, message: `the target has no content ${content}` })),
    ...unique(targets)
      .filter((content) => map.every(({ to }) => to !== content))
      .map((content) => ({ content, message: 'the map names nothing for this content' })),
  ];
}

const RESIZES =
  'a Greenplum set is restored into any number of segments without a map: leave out --map';
const SOURCE_TWICE = (content: number) =>
  `content ${content} of the set is named twice: its rows would be loaded twice`;
const TARGET_TWICE = (content: number) =>
  `content ${content} of the target is named twice: write all its contents into one rule`;
const NOT_MAPPED = (content: number) =>
  `content ${content} of the set is in no rule: add it to one, or leave it out by naming the others with --content`;
const NOT_WANTED = (content: number) =>
  `content ${content} is in the map, and --content leaves it out`;

const unique = (contents: readonly number[]) => [...new Set(contents)];
const twice = (contents: readonly number[]) =>
  unique(contents.filter((content, at) => contents.indexOf(content) !== at));
