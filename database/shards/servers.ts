import { mapInFlight } from '../../async/each-in-flight.ts';
import { readServerIdentity } from '../catalog/server-identity.ts';
import type { ConnectionTarget, Segment, Server, ServersOptions } from '../flavour.ts';
import { openMaintenanceSession } from '../session/maintenance.ts';
import { openSession } from '../session/session.ts';
import { refuseGreenplum } from './product.ts';

const SERVERS_AT_ONCE = 16;

/** Asks every server which one it is. @throws as `Flavour.servers`. */
export function readShardServers(
  segments: readonly Segment[],
  connect: (segment: Segment) => ConnectionTarget,
  { mayLackDatabase, applicationName, signal }: ServersOptions,
): Promise<Server[]> {
  const open = mayLackDatabase ? openMaintenanceSession : openSession;
  return mapInFlight(segments, SERVERS_AT_ONCE, async (segment) => {
    const target = connect(segment);
    const session = await open(target, { purpose: 'probe', applicationName, signal });
    try {
      await refuseGreenplum(session, segment.content);
      return { segment, identity: await readServerIdentity(session, target.database) };
    } finally {
      await session.close();
    }
  });
}
