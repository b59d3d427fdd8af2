import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eachInFlight } from '../../async/each-in-flight.ts';
import { type LocalServer, startLocalServers } from '../../database/local-server/local-server.ts';
import type { Context } from '../context.ts';
import { duration } from '../output/format.ts';
import { createDemoDatabase, demoCluster, SHARDS } from './cluster.ts';
import { loadDemo } from './data/load.ts';
import { ATTRIBUTION } from './data/places.ts';
import { type DemoOutput, newDemoOutput } from './demo-output.ts';
import {
  backUpUnderWriters,
  compareClusters,
  copyAway,
  damageOriginal,
  detectKilledShipper,
  restoreElsewhere,
} from './steps.ts';

/** Two loaders keep two cores busy. */
const LOADERS = 2;

/** Runs the demo on real servers. @returns true when the restored cluster equals the original. */
export async function runDemo(
  context: Context,
  { keep }: { readonly keep: boolean },
): Promise<boolean> {
  const startedAt = context.clock().getTime();
  const demo = newDemoOutput(context.output, context.clock);
  const home = await mkdtemp(join(tmpdir(), 'stowage-demo-'));
  const servers: LocalServer[] = [];
  try {
    demo.step(
      `starting ${2 * SHARDS} PostgreSQL servers: a cluster of ${SHARDS} shards, and an empty cluster to restore into`,
    );
    servers.push(...(await startLocalServers(2 * SHARDS)));
    const equal = await runSteps(
      context,
      demo,
      home,
      servers.slice(0, SHARDS),
      servers.slice(SHARDS),
    );
    demo.step(`done in ${duration(context.clock().getTime() - startedAt)}`);
    context.output.result(
      { equal },
      equal
        ? 'the restored cluster equals the original'
        : 'the restored cluster DIFFERS from the original',
    );
    return equal;
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    if (keep) demo.print(`the sets are kept in ${home}`);
    else await rm(home, { recursive: true, force: true });
  }
}

async function runSteps(
  context: Context,
  demo: DemoOutput,
  home: string,
  from: LocalServer[],
  to: LocalServer[],
): Promise<boolean> {
  await mkdir(join(home, 'bucket'));
  await mkdir(join(home, 'alternate'));
  const source = demoCluster(context, demo, from, `file://${join(home, 'bucket')}`);
  const alternate = demoCluster(context, demo, to, `file://${join(home, 'alternate')}`);

  demo.step(`loading the demo data into the ${SHARDS} shards (${ATTRIBUTION})`);
  await eachInFlight(from, LOADERS, (server, content) => load(server, content, context.signal));

  demo.step('backing up while a writer transfers money between the shards');
  const timestamp = await backUpUnderWriters(source, demo);

  demo.step('backing up again, and killing the shipper of content 2 with SIGKILL');
  await detectKilledShipper(source, demo);

  demo.step('copying the complete set to an alternate location');
  await copyAway(source, alternate, timestamp, demo);

  demo.step('changing one byte of a pack in the original set');
  await damageOriginal(source, join(home, 'bucket'), timestamp, demo);

  demo.step('restoring from the alternate location into the second cluster');
  await restoreElsewhere(alternate, timestamp, demo);

  demo.step('comparing both clusters table by table');
  return compareClusters(source, alternate, timestamp, demo);
}

async function load(server: LocalServer, content: number, signal: AbortSignal): Promise<void> {
  const target = await createDemoDatabase(server);
  await loadDemo(target, { content, shards: SHARDS, signal });
}
