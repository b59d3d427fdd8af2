import { lookup } from 'node:dns/promises';
import { networkInterfaces, userInfo } from 'node:os';
import { join } from 'node:path';
import type { ConnectionTarget, Segment } from '../../database/flavour.ts';
import { flavourOfSegments } from '../../database/flavours.ts';
import type { AgentConfig } from './config.ts';

/** A content that an agent serves. `host` and `port` are those in orders. */
export interface ServedContent extends Segment {
  /** Where the agent connects, when that is not `host`. */
  readonly address?: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The contents on this host now. The Greenplum coordinator is asked on every call, because a
 * failover moves contents.
 * @throws StowageError `database/…` when the coordinator cannot be asked.
 */
export async function servedContents(
  config: AgentConfig,
  env: Env,
): Promise<readonly ServedContent[]> {
  const { coordinator, contents } = config;
  if (coordinator === undefined) return contents;
  const flavour = flavourOfSegments('discovered').open({ segments: [], coordinator }, (segment) =>
    targetFor(config, segment, 'postgres', env),
  );
  const here: ServedContent[] = [];
  for (const segment of await flavour.topology())
    if (await isHere(segment.host)) here.push(segment);
  return here;
}

/**
 * How to connect to a content's database. The password comes from the environment or ~/.pgpass,
 * never from the agent's configuration or from the bucket.
 */
export function targetFor(
  { connection, coordinator, stallSeconds }: AgentConfig,
  { content, host, port, address, options, greenplum }: ServedContent,
  database: string,
  env: Env,
): ConnectionTarget {
  const { user = userInfo().username, ...rest } = connection;
  const password = env['PGPASSWORD'];
  const { homeVariable } = flavourOfSegments(coordinator === undefined ? 'listed' : 'discovered');
  const home = homeVariable === undefined ? undefined : env[homeVariable];
  return {
    content,
    host: address ?? host,
    port,
    database,
    user,
    stallSeconds,
    ...(options !== undefined && { options }),
    ...(greenplum !== undefined && { greenplum }),
    ...(home !== undefined && { binDir: join(home, 'bin') }),
    ...rest,
    ...(password !== undefined && { password }),
  };
}

/** Greenplum may name a host by one of its interfaces (`sdw1-2`), so addresses are compared. */
async function isHere(host: string): Promise<boolean> {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.some(({ address }) => own.some((local) => local.address === address));
}
