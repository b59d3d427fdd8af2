import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { RestoreRequest } from '../../backup-set/documents/restore/restore.ts';
import { formatOf } from '../../backup-set/flavours/formats.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import type { ClusterContext } from '../context.ts';
import { flavourOf } from '../flavour.ts';

/**
 * A set with one catalog (Greenplum) restores into one PostgreSQL server: the only segment of a
 * configuration with flavour `shards` takes the place of the coordinator.
 * @throws StowageError as `Flavour.servers`.
 */
export async function intoOneServer(
  context: ClusterContext,
  manifest: Manifest,
): Promise<ClusterContext> {
  const { config } = context;
  const [only, another] = config.segments;
  if (!isOther(config.flavour, manifest) || only === undefined || another !== undefined)
    return context;
  // A server that cannot be asked, or is Greenplum, is named as the configuration lists it.
  const { signal } = context;
  const applicationName = 'stowage restore';
  await flavourOf(context).servers({ mayLackDatabase: true, applicationName, signal });
  return { ...context, config: { ...config, segments: [{ ...only, content: COORDINATOR }] } };
}

/** The request names the flavour of the set. */
export function asOneServer(request: RestoreRequest, manifest: Manifest): RestoreRequest {
  const { target } = request;
  const [only, another] = target.contents;
  const isOne = only?.content === COORDINATOR && another === undefined;
  if (!isOne || !isOther(target.flavour, manifest)) return request;
  return { ...request, target: { ...target, flavour: manifest.flavour } };
}

function isOther(flavour: string, manifest: Manifest): boolean {
  return (
    flavour !== manifest.flavour &&
    formatOf(manifest.flavour).hasOneCatalog &&
    !formatOf(flavour).hasOneCatalog
  );
}
