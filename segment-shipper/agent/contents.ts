import { lookup } from 'node:dns/promises';
import { networkInterfaces, userInfo } from 'node:os';
import { join } from 'node:path';
import type { ConnectionTarget, Segment } from '../../database/flavour.ts';
import { flavourOfSegments } from '../../database/flavours.ts';
import type { AgentConfig } from './config.ts';

/** A content that an agent serves: as others name it, and where the agent itself reaches it. */
export interface ServedContent extends Segment {
  readonly address?: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The contents this host serves now. Of Greenplum the coordinator is asked each time, because a failover moves them.
 * @throws StowageError `database/unreachable` and its kin.
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

/** How to reach a content's database; the password comes from the environment or ~/.pgpass, never from a file of ours or the bucket. */
export function targetFor(
  { connection, coordinator }: AgentConfig,
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
    ...(options !== undefined && { options }),
    ...(greenplum !== undefined && { greenplum }),
    ...(home !== undefined && { binDir: join(home, 'bin') }),
    ...rest,
    ...(password !== undefined && { password }),
  };
}

/** Greenplum names hosts by interface (`sdw1-2`) as it likes; what counts is whose address it is. */
async function isHere(host: string): Promise<boolean> {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.some(({ address }) => own.some((mine) => mine.address === address));
}
