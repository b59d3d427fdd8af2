import { StowageError } from '../../backup-set/base/errors.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { RestoreRequest } from '../../backup-set/documents/restore/restore.ts';
import { sourcesOf } from '../../backup-set/restore/mapped/map.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import type { Segment, Server } from '../../database/flavour.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import { flavourOf } from '../flavour.ts';
import { printable } from '../output/format.ts';
import { noteSilence } from '../output/silence.ts';
import { functionDeps } from '../wait-for-functions.ts';
import {
  type ClusterFault,
  changesSince,
  sameServers,
  swappedServers,
  wrongContents,
} from './faults.ts';
import { readNewestSets } from './newest-set.ts';

/**
 * The servers of the cluster, after a check that each content is a database of its own, and that
 * they are the cluster of the newest complete set of the root.
 * @throws StowageError `cluster/…` naming the contents, unless it `accepts` the fault.
 */
export async function requireCluster(
  context: ClusterContext,
  store: ObjectStore,
  accepts: boolean,
): Promise<readonly Server[]> {
  const { config, signal, output } = context;
  const applicationName = 'stowage backup';
  const onWaiting = (note: string) => noteSilence(output, COORDINATOR, note);
  const options = { mayLackDatabase: false, applicationName, signal, onWaiting };
  const servers = await flavourOf(context).servers(options);
  const newest = await readNewestSets(functionDeps(context, store), config.database);
  if (newest.unreadable !== undefined)
    output.note(
      'cluster-unchecked',
      { reason: newest.unreadable },
      printable(`the cluster is not compared with the newest set: ${newest.unreadable}`),
    );
  const current = { ...config, servers };
  const faults = [...changesSince(current, newest), ...wrongContents(current, newest.ofDatabase)];
  refuse(context, faults, accepts);
  return servers;
}

/**
 * The segments of a restore's target, after a check: each content is a server of its own, and not
 * the server of another content of the set. A target that the set does not know is fine.
 * @throws as `requireCluster`.
 */
export async function requireTargetCluster(
  context: ClusterContext,
  manifest: Manifest,
  { accepts, map }: Pick<RestoreRequest, 'map'> & { readonly accepts: boolean },
): Promise<Segment[]> {
  const { config, signal, output } = context;
  const applicationName = 'stowage restore';
  const onWaiting = (note: string) => noteSilence(output, COORDINATOR, note);
  const options = { mayLackDatabase: true, applicationName, signal, onWaiting };
  const servers = await flavourOf(context).servers(options);
  const current = { ...config, servers };
  const into = (content: number) => sourcesOf({ ...(map && { map }) }, content);
  refuse(context, [...sameServers(current), ...swappedServers(current, manifest, into)], accepts);
  return servers.map(({ segment }) => segment);
}

function refuse(
  { output }: ClusterContext,
  faults: readonly ClusterFault[],
  accepts: boolean,
): void {
  const refused = faults.find(({ canBeIntended }) => !(accepts && canBeIntended));
  if (refused !== undefined)
    throw new StowageError(refused.code, refused.message, { where: refused.where });
  for (const { code, message, where } of faults)
    output.note(
      'cluster-accepted',
      { code, message, where },
      printable(`accepted (--accept-cluster): ${message}`),
    );
}
