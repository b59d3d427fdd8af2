import { messageOf } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { Server } from '../../database/flavour.ts';
import { flavourNamed } from '../../database/flavours.ts';
import {
  type ClusterFault,
  type CurrentCluster,
  changesSince,
  wrongContents,
} from '../cluster/faults.ts';
import { type NewestSets, readNewestSets } from '../cluster/newest-set.ts';
import { serversRead } from '../config/through.ts';
import type { ClusterContext } from '../context.ts';
import { flavourOf } from '../flavour.ts';
import { withStore } from '../open.ts';
import { functionDeps } from '../wait-for-functions.ts';
import type { Check } from './check.ts';
import { checkAgents } from './shippers/agents.ts';
import { checkShippers } from './shippers/shippers.ts';

const of = 'cluster';

/**
 * Checks what a backup checks before its snapshot: each content is a server of its own, they are
 * the cluster of the newest set, and every host has the programs. Starts every shipper, or looks
 * for the agents.
 */
export async function checkCluster(
  context: ClusterContext,
  ofServers: readonly Check[],
): Promise<Check[]> {
  const { config, signal } = context;
  // An ordinary session with a Greenplum that lacks a segment would wait for it.
  if (flavourNamed(config.flavour).segments === 'discovered' && ofServers.some(({ ok }) => !ok))
    return [note('contents', 'not checked: correct the lines above first')];
  const options = { mayLackDatabase: false, applicationName: 'stowage doctor', signal };
  let servers: readonly Server[];
  try {
    servers = await flavourOf(context).servers(options);
  } catch {
    // The checks of the server that failed say why.
    return [note('contents', 'not checked: a server did not answer')];
  }
  const current = { ...config, servers };
  const newest = await readNewest(context);
  const read = serversRead(config, servers);
  return [
    ...checkContents(current, newest),
    ...checkNewestSet(current, newest),
    ...(await checkStarting(context, read)),
  ];
}

/** Undefined = the store cannot be read, which another check reports. */
async function readNewest(context: ClusterContext): Promise<NewestSets> {
  try {
    return await withStore(context, (store) =>
      readNewestSets(functionDeps(context, store), context.config.database),
    );
  } catch (error) {
    return { unreadable: messageOf(error) };
  }
}

function checkContents(current: CurrentCluster, { ofDatabase }: NewestSets): Check[] {
  const faults = wrongContents(current, ofDatabase);
  if (faults.length > 0) return faults.map((fault) => bad('contents', fault));
  const { servers } = current;
  const detail = plural(servers.length, 'content');
  // Greenplum's catalog names each segment once.
  if (servers.some(({ identity }) => identity === undefined))
    return [{ of, name: 'contents', ok: true, detail: `${detail}, as the coordinator names them` }];
  const unknown = servers.find(({ identity }) => identity?.systemIdentifier === undefined);
  if (unknown === undefined)
    return [{ of, name: 'contents', ok: true, detail: `${detail} on different servers` }];
  return [
    note(
      'contents',
      `the role may not call pg_control_system() on content ${unknown.segment.content}: a standby or copy of another content's server, and swapped servers, are not noticed there. GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system() to the role`,
    ),
  ];
}

function checkNewestSet(current: CurrentCluster, newest: NewestSets): Check[] {
  const name = 'newest set';
  if (newest.unreadable !== undefined) return [note(name, `not compared: ${newest.unreadable}`)];
  if (newest.any === undefined) return [note(name, 'there is no complete set under the root yet')];
  const faults = changesSince(current, newest);
  if (faults.length > 0) return faults.map((fault) => bad(name, fault));
  const detail = `the cluster is that of set ${(newest.ofDatabase ?? newest.any).timestamp}`;
  return [{ of, name, ok: true, detail }];
}

function checkStarting(context: ClusterContext, servers: readonly Server[]): Promise<Check[]> {
  return context.config.shippers.start === 'agents'
    ? checkAgents(context, servers)
    : checkShippers(context, servers);
}

function bad(name: string, { message, code, canBeIntended }: ClusterFault): Check {
  const advice = canBeIntended ? `; a backup accepts it with --accept-cluster` : '';
  return { of, name, ok: false, detail: `${message}${advice} (${code})` };
}

function note(name: string, detail: string): Check {
  return { of, name, ok: true, remark: true, detail };
}
