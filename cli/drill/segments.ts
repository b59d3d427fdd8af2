import type { Manifest } from '../../backup-set/documents/manifest.ts';
import { formatOf } from '../../backup-set/flavours/formats.ts';
import type { Segment } from '../../database/flavour.ts';
import { segmentsOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { flavourOf } from '../flavour.ts';
import { changedSegments } from '../restore/expected.ts';
import type { Chosen } from './choose.ts';

/** The databases of drills; the rest of the name is random. */
export const DRILL_PREFIX = 'stowage_drill_';

/** The contents of the throwaway servers of a drill, one for each. */
export function serversOf(manifest: Manifest, chosen: Chosen): readonly number[] {
  if (formatOf(manifest.flavour).hasOneCatalog) return [0];
  return chosen.contents ?? manifest.contents.map(({ content }) => content);
}

/** The servers whose database a drill restores into. */
export async function targetSegments(
  context: ClusterContext,
  manifest: Manifest,
  contents: readonly number[] | undefined,
): Promise<readonly Segment[]> {
  const { config } = context;
  const all =
    config.flavour === 'shards' ? segmentsOf(config) : await flavourOf(context).topology();
  const isOne = formatOf(manifest.flavour).hasOneCatalog && config.flavour === 'shards';
  const changed = isOne ? all : changedSegments(config.flavour, all);
  return changed.filter(({ content }) => contents?.includes(content) !== false);
}
