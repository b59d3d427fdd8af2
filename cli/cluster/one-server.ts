import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { RestoreRequest } from '../../backup-set/documents/restore/restore.ts';
import { formatOf } from '../../backup-set/flavours/formats.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import type { ClusterContext } from '../context.ts';

/**
 * A set with one catalog (Greenplum) restores into one PostgreSQL server: the only segment of a
 * configuration with flavour `shards` takes the place of the coordinator.
 */
export function intoOneServer(context: ClusterContext, manifest: Manifest): ClusterContext {
  const { config } = context;
  const [only, another] = config.segments;
  if (!isOther(config.flavour, manifest) || only === undefined || another !== undefined)
    return context;
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
