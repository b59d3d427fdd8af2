import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eachInFlight } from '../../async/each-in-flight.ts';
import { type LocalServer, startLocalServers } from '../../database/local-server/local-server.ts';
import type { Context } from '../context.ts';
import { duration } from '../output/format.ts';
import { cluster, createDemoDatabase, SHARDS } from './cluster.ts';
import { loadDemo } from './data/load.ts';
import { ATTRIBUTION } from './data/places.ts';
import {
  backUpUnderWriters,
  catchALoss,
  compareClusters,
  copyAway,
  damageOriginal,
  restoreElsewhere,
} from './scenes.ts';
import { newStage, type Stage } from './stage.ts';

/** Two loaders saturate two cores. */
const LOADERS = 2;

/** The main job, told in scenes on real servers; true when the restored cluster equals the original. */
export async function runDemo(
  context: Context,
  { keep }: { readonly keep: boolean },
): Promise<boolean> {
  const startedAt = context.clock().getTime();
  const stage = newStage(context.output, context.clock);
  const home = await mkdtemp(join(tmpdir(), 'stowage-demo-'));
  const servers: LocalServer[] = [];
  try {
    stage.scene(
      `starting ${2 * SHARDS} PostgreSQL servers: a cluster of ${SHARDS} shards, and an empty one to restore into`,
    );
    servers.push(...(await startLocalServers(2 * SHARDS)));
    const equal = await play(context, stage, home, servers.slice(0, SHARDS), servers.slice(SHARDS));
    stage.scene(`done in ${duration(context.clock().getTime() - startedAt)}`);
    context.output.result(
      { equal },
      equal
        ? 'the restored cluster equals the original'
        : 'the restored cluster DIFFERS from the original',
    );
    return equal;
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    if (keep) stage.say(`the sets are under ${home}`);
    else await rm(home, { recursive: true, force: true });
  }
}

async function play(
  context: Context,
  stage: Stage,
  home: string,
  from: LocalServer[],
  to: LocalServer[],
): Promise<boolean> {
  await mkdir(join(home, 'bucket'));
  await mkdir(join(home, 'alternate'));
  const source = cluster(context, stage, from, `file://${join(home, 'bucket')}`);
  const alternate = cluster(context, stage, to, `file://${join(home, 'alternate')}`);

  stage.scene(`loading the places of the world, spread over ${SHARDS} shards (${ATTRIBUTION})`);
  await eachInFlight(from, LOADERS, (server, content) => load(server, content, context.signal));

  stage.scene('backing up while writers move money between the shards');
  const timestamp = await backUpUnderWriters(source, stage);

  stage.scene('backing up again, and killing the shipper of content 2 with SIGKILL');
  await catchALoss(source, stage);

  stage.scene('copying the complete set to an alternate location');
  await copyAway(source, alternate, timestamp, stage);

  stage.scene('damaging one pack at the original place');
  await damageOriginal(source, join(home, 'bucket'), timestamp, stage);

  stage.scene('restoring from the alternate location into the second cluster');
  await restoreElsewhere(alternate, timestamp, stage);

  stage.scene('comparing both clusters, table by table');
  return compareClusters(source, alternate, timestamp, stage);
}

async function load(server: LocalServer, content: number, signal: AbortSignal): Promise<void> {
  const target = await createDemoDatabase(server);
  await loadDemo(target, { content, shards: SHARDS, signal });
}
