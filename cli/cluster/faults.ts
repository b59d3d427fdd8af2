import type { ErrorCode, Where } from '../../backup-set/base/errors.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { Server } from '../../database/flavour.ts';

/** Why the servers of the configuration cannot be the cluster that it names. */
export interface ClusterFault {
  readonly code: Extract<ErrorCode, `cluster/${string}`>;
  readonly message: string;
  readonly where: Where;
  /** Whether --accept-cluster allows it. */
  readonly canBeIntended: boolean;
}

/** What a complete set says of its cluster. */
export type KnownCluster = Pick<
  Manifest,
  'timestamp' | 'cluster' | 'flavour' | 'database' | 'contents'
>;

/** The cluster as the configuration and the servers describe it now. */
export interface CurrentCluster {
  readonly cluster: string;
  readonly flavour: string;
  readonly database: string;
  readonly servers: readonly Server[];
}

/** What is wrong with the contents themselves. `newest` is the newest set of the database. */
export function wrongContents(
  current: CurrentCluster,
  newest: KnownCluster | undefined,
): ClusterFault[] {
  return [...sameServers(current), ...gaps(current, newest), ...copiedServers(current, newest)];
}

/** How the cluster differs from the newest complete sets of the root. */
export function changesSince(
  current: CurrentCluster,
  { any, ofDatabase }: { readonly any?: KnownCluster; readonly ofDatabase?: KnownCluster },
): ClusterFault[] {
  return [
    ...(any === undefined ? [] : otherCluster(current, any)),
    ...(ofDatabase === undefined
      ? []
      : [...swappedServers(current, ofDatabase), ...lostContents(current, ofDatabase)]),
  ];
}

/** Contents that are one database: on one server, or on a server and its standby. */
export function sameServers({ database, servers }: CurrentCluster): ClusterFault[] {
  return alike(servers).flatMap(([first, second]) => {
    const [one, other] = [first.identity, second.identity];
    if (one === undefined || other === undefined) return [];
    const same =
      one.instance === other.instance
        ? 'lead to one server'
        : isKnownAndEqual(one, other) && (one.isStandby || other.isStandby)
          ? 'are a server and its standby, or two standbys of one server'
          : undefined;
    if (same === undefined) return [];
    const message = `${placeOf(first)} and ${placeOf(second)} ${same}: database ${database} would count twice, and another part of the cluster would be missing`;
    return [overlap(message, second, false)];
  });
}

/**
 * Running servers with one system identifier and one database oid: one was copied from the other,
 * or was its standby. They may hold the same rows. A set that already has this pair was accepted.
 */
function copiedServers(
  { database, servers }: CurrentCluster,
  newest: KnownCluster | undefined,
): ClusterFault[] {
  const known = new Map(newest?.contents.map((part) => [part.content, part.systemIdentifier]));
  return alike(servers).flatMap(([first, second]) => {
    const [one, other] = [first.identity, second.identity];
    if (one === undefined || other === undefined || !isKnownAndEqual(one, other)) return [];
    if (one.instance === other.instance || one.isStandby || other.isStandby) return [];
    if (one.databaseOid === undefined || one.databaseOid !== other.databaseOid) return [];
    const isAccepted = [first, second].every(
      ({ segment }) => known.get(segment.content) === one.systemIdentifier,
    );
    if (isAccepted) return [];
    const message = `${placeOf(first)} and ${placeOf(second)} have the same system identifier (${one.systemIdentifier}) and the same oid of database ${database} (${one.databaseOid}): one server is a copy of the other, or was its standby, so the set could hold the same rows twice. If each holds its own rows, use --accept-cluster`;
    return [overlap(message, second, true)];
  });
}

/** Content ids that are missing below the highest one, unless the newest set has the same ids. */
function gaps({ servers }: CurrentCluster, newest: KnownCluster | undefined): ClusterFault[] {
  const ids = new Set(servers.map(({ segment }) => segment.content));
  const highest = Math.max(-1, ...ids);
  const missing = Array.from({ length: highest + 1 }, (_, content) => content).filter(
    (content) => !ids.has(content),
  );
  const known = newest?.contents.map(({ content }) => content) ?? [];
  const [first] = missing;
  if (first === undefined || (known.length === ids.size && known.every((id) => ids.has(id))))
    return [];
  const message = `the configuration has contents up to ${highest}, but not content ${listed(missing)}: ids count from 0 without a gap, so the set would lack a part of the cluster. Add the missing content to segments, or number the contents again`;
  return [{ code: 'cluster/incomplete', message, where: { content: first }, canBeIntended: true }];
}

/** The name and the kind of the cluster, against any complete set of the root. */
function otherCluster(
  { cluster, flavour }: CurrentCluster,
  { timestamp, ...known }: KnownCluster,
): ClusterFault[] {
  const changed = (field: 'cluster' | 'flavour', old: string, now: string): ClusterFault[] => {
    if (old === now) return [];
    const message = `${field} is ${JSON.stringify(now)} in the configuration and ${JSON.stringify(old)} in the newest complete set of this root, ${timestamp}. A root holds the sets of one cluster: correct ${field} or root`;
    return [
      {
        code: 'cluster/changed',
        message,
        where: { field, set: timestamp },
        canBeIntended: true,
      },
    ];
  };
  return [
    ...changed('cluster', known.cluster, cluster),
    ...changed('flavour', known.flavour, flavour),
  ];
}

/** Contents of the newest set of this database that the configuration has no more. */
function lostContents(
  { servers }: CurrentCluster,
  { timestamp, contents }: KnownCluster,
): ClusterFault[] {
  const now = new Set(servers.map(({ segment }) => segment.content));
  const lost = contents.filter(({ content }) => !now.has(content));
  const [first] = lost;
  if (first === undefined) return [];
  const places = lost.map(({ content, host, port }) => `content ${content} (${host}:${port})`);
  const message = `the cluster has ${plural(now.size, 'content')}, but set ${timestamp} has ${plural(contents.length, 'content')}: ${listed(places)} would not be in the set`;
  return [
    {
      code: 'cluster/incomplete',
      message,
      where: { set: timestamp, content: first.content },
      canBeIntended: true,
    },
  ];
}

/**
 * Servers that the set knows as another content. A server that the set does not know is fine: a
 * restored or upgraded server has a new identifier.
 * @param into the contents of the set that a content of a restore's target gets.
 */
export function swappedServers(
  { servers }: CurrentCluster,
  { timestamp, contents }: KnownCluster,
  into: (content: number) => readonly number[] = (content) => [content],
): ClusterFault[] {
  const byIdentifier = Map.groupBy(contents, ({ systemIdentifier }) => systemIdentifier);
  return servers.flatMap((server): ClusterFault[] => {
    const identifier = server.identity?.systemIdentifier;
    if (identifier === undefined) return [];
    // Servers that were copied from one another: their identifier does not tell which is which.
    const [was, another] = byIdentifier.get(identifier) ?? [];
    if (was === undefined || another !== undefined) return [];
    if (into(server.segment.content).includes(was.content)) return [];
    const { content } = server.segment;
    const message = `${placeOf(server)} is the server that was content ${was.content} (${was.host}:${was.port}) in set ${timestamp}: its system identifier is ${identifier}. The contents are swapped: give each server its old content id`;
    return [
      {
        code: 'cluster/changed',
        message,
        where: { set: timestamp, content },
        canBeIntended: true,
      },
    ];
  });
}

/** Each server with the first of the list that has the same instance or system identifier. */
function alike(servers: readonly Server[]): (readonly [Server, Server])[] {
  const first = new Map<string, Server>();
  return servers.flatMap((server) => {
    const { instance, systemIdentifier } = server.identity ?? {};
    const keys = [instance, systemIdentifier].filter((key) => key !== undefined);
    const found = keys.map((key) => first.get(key)).find((other) => other !== undefined);
    for (const key of keys) if (!first.has(key)) first.set(key, server);
    return found === undefined ? [] : [[found, server] as const];
  });
}

const LISTED_MAX = 5;

function listed(items: readonly (string | number)[]): string {
  const more = items.length > LISTED_MAX ? ` and ${count(items.length - LISTED_MAX)} more` : '';
  return `${items.slice(0, LISTED_MAX).join(', ')}${more}`;
}

function overlap(message: string, { segment }: Server, canBeIntended: boolean): ClusterFault {
  return {
    code: 'cluster/overlap',
    message,
    where: { content: segment.content },
    canBeIntended,
  };
}

function isKnownAndEqual(
  one: NonNullable<Server['identity']>,
  other: NonNullable<Server['identity']>,
): boolean {
  return one.systemIdentifier !== undefined && one.systemIdentifier === other.systemIdentifier;
}

function placeOf({ segment: { content, host, port } }: Server): string {
  return `content ${content} (${host}:${port})`;
}
