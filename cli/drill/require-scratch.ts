import { eachInFlight } from '../../async/each-in-flight.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { Segment } from '../../database/flavour.ts';
import { type InhabitedServer, inhabitedServer } from '../../database/target/user-tables.ts';
import { segmentsOf, targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { printable } from '../output/format.ts';
import { DRILL_PREFIX, targetSegments } from './segments.ts';

const SERVERS_AT_ONCE = 8;

/** One server of the target, and what was found on it. */
export interface FoundServer extends InhabitedServer {
  readonly segment: Pick<Segment, 'content' | 'host' | 'port'>;
}

/**
 * Refuses a target that is a server of the cluster, and one that has tables of users.
 * @throws StowageError `restore/refused` naming the server.
 */
export async function requireScratch(
  main: ClusterContext,
  there: ClusterContext,
  manifest: Manifest,
  file: string,
): Promise<void> {
  const { config, env, signal, output } = there;
  const found: FoundServer[] = [];
  const segments = await targetSegments(there, manifest, undefined);
  await eachInFlight(segments, SERVERS_AT_ONCE, async (segment) => {
    const target = targetOf(config, segment, env);
    found.push({ segment, ...(await inhabitedServer(target, DRILL_PREFIX, signal)) });
  });
  const reason = refusalOf(found, {
    systemIdentifiers: manifest.contents.flatMap((each) => each.systemIdentifier ?? []),
    places: [...segmentsOf(main.config), main.config.coordinator].flatMap(placeOf),
  });
  if (reason !== undefined) throw new StowageError('restore/refused', `${file}: ${reason}`);
  const left = found.flatMap(({ drills, segment }) =>
    drills.map((name) => `${name} on ${segment.host}:${segment.port}`),
  );
  if (left.length > 0)
    output.note(
      'drill-left',
      { databases: left },
      printable(
        `databases of drills that were killed, or that run now: ${left.join(', ')}. Drop those that no drill uses with DROP DATABASE`,
      ),
    );
}

/** What must not be the target of a drill. */
export interface Forbidden {
  readonly systemIdentifiers: readonly string[];
  /** `host:port` of the servers that are backed up. */
  readonly places: readonly string[];
}

/** Why a drill must not restore into these servers; undefined when it may. */
export function refusalOf(
  found: readonly FoundServer[],
  { systemIdentifiers, places }: Forbidden,
): string | undefined {
  for (const { segment, identity, tables } of found) {
    const where = `the server ${segment.host}:${segment.port} (content ${segment.content})`;
    const { systemIdentifier } = identity;
    if (systemIdentifier !== undefined && systemIdentifiers.includes(systemIdentifier))
      return `${where} is a server that the set was made of, or a copy of it (system identifier ${systemIdentifier}). A drill needs servers of its own`;
    if (places.includes(`${segment.host}:${segment.port}`))
      return `${where} is a server of the configured cluster. A drill needs servers of its own`;
    if (identity.isStandby) return `${where} is a standby, which cannot be written to`;
    const [table] = tables;
    if (table !== undefined)
      return `${where} has tables that no drill made, for example ${printable(table)}. A drill restores only into servers without tables of users`;
  }
  return undefined;
}

const placeOf = (server: { readonly host: string; readonly port: number } | undefined) =>
  server === undefined ? [] : [`${server.host}:${server.port}`];
