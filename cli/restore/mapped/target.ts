import { StowageError } from '../../../backup-set/base/errors.ts';
import { plural } from '../../../backup-set/base/words.ts';
import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import type { MapRule } from '../../../backup-set/documents/restore/map.ts';
import { isIdentity, mapProblems } from '../../../backup-set/restore/mapped/map.ts';
import { restoredContents } from '../../../backup-set/restore/phases.ts';
import type { ClusterContext } from '../../context.ts';
import type { RestoreOptions } from '../request.ts';
import type { AskedRule } from './flags.ts';

/**
 * The context of a mapped restore: its configuration has only the servers of the map, so that no
 * other is connected or changed.
 * @throws StowageError `usage/flag` when the configuration lacks one.
 */
export function onlyTargets(context: ClusterContext, map: readonly AskedRule[]): ClusterContext {
  const { config, output } = context;
  const targets = map.map(({ to }) => to);
  const lacking = targets.find((to) => config.segments.every(({ content }) => content !== to));
  // A Greenplum has no list of segments; the map is refused for its flavour.
  if (lacking !== undefined && config.flavour === 'shards')
    throw new StowageError(
      'usage/flag',
      `--map: the configuration has no segment with content ${lacking}. Add its server to segments`,
      { where: { field: 'map' } },
    );
  const segments = config.segments.filter(({ content }) => targets.includes(content));
  const others = config.segments.filter(({ content }) => !targets.includes(content));
  if (others.length > 0)
    output.note(
      'not-in-map',
      { contents: others.map(({ content }) => content) },
      `the map names nothing for ${plural(others.length, 'server')} of the configuration: content ${others.map(({ content }) => content).join(', ')} is left alone`,
    );
  return { ...context, config: { ...config, segments } };
}

/**
 * The map of a request; undefined for a restore of each content into the content of its number.
 * @throws StowageError `restore/refused` naming the content that is wrong.
 */
export function resolvedMap(
  { map: asked, contents }: Pick<RestoreOptions, 'map' | 'contents'>,
  manifest: Manifest,
): MapRule[] | undefined {
  if (asked === undefined) return undefined;
  const named = { ...(contents !== undefined && { contents: [...contents] }) };
  const all = restoredContents(named, manifest.contents).map(({ content }) => content);
  const map = asked.map(({ to, from }) => ({ to, from: [...(from === 'all' ? all : from)] }));
  const target = { contents: map.map(({ to }) => ({ content: to })) };
  const [problem] = mapProblems({ map, target, ...named }, manifest);
  if (problem === undefined) return isIdentity(map) ? undefined : map;
  const { message, content } = problem;
  throw new StowageError('restore/refused', `--map: ${message}`, {
    where: {
      field: 'map',
      set: manifest.timestamp,
      ...(content === undefined ? {} : { content }),
    },
  });
}
