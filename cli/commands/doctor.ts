import { mapInFlight } from '../../async/each-in-flight.ts';
import { messageOf } from '../../backup-set/base/errors.ts';
import type { Segment } from '../../database/flavour.ts';
import { inspectGreenplum } from '../../database/inspect/greenplum.ts';
import { inspectServer } from '../../database/inspect/server.ts';
import { probeStore } from '../../storage/probe.ts';
import type { ClusterCommand } from '../command.ts';
import { shipperCommand, targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { type Check, tableOf } from '../doctor/check.ts';
import { checkDeployment } from '../doctor/deployment.ts';
import { numberFrom } from '../flags.ts';
import { flavourOf } from '../flavour.ts';
import { withStore } from '../open.ts';

const SEGMENTS_AT_ONCE = 16;

const WAIT_SECONDS = 60;

export const doctorCommand: ClusterCommand = {
  usage: 'doctor',
  summary: 'check servers, rights and clocks, and test that the store works as Stowage needs',
  details: `With --deployment it checks how the bucket is set up and whether functions answer. It connects to no database.
It stores a test request: a restore of a set that does not exist, which a working function refuses.
The request and its outcome stay under restores/.
Exits with 4 when a check fails.`,
  flags: [
    ['--deployment', 'check the bucket and the functions instead of the databases'],
    [
      '--functions <mode>',
      'with --deployment: what runs the functions for this root, inline or events',
    ],
    [
      '--wait <seconds>',
      `with --deployment: how long to wait for the answer of a function (default ${WAIT_SECONDS})`,
    ],
  ],
  cluster: (flags) => ({ functions: flags['functions'] }),
  async run({ flags, context }) {
    const checks =
      flags['deployment'] === true
        ? await checkDeployment(context, numberFrom(flags, 'wait', WAIT_SECONDS) * 1000)
        : [...(await checkStorage(context)), ...(await checkServers(context))];
    context.output.result({ checks }, tableOf(checks));
    return checks.every(({ ok }) => ok) ? 0 : 4;
  },
};

async function checkStorage(context: ClusterContext): Promise<Check[]> {
  const of = 'storage';
  try {
    return await withStore(context, async (store) =>
      (await probeStore(store)).checks.map((check) => ({ of, ...check })),
    );
  } catch (error) {
    return [{ of, name: 'reachable', ok: false, detail: messageOf(error) }];
  }
}

async function checkServers(context: ClusterContext): Promise<Check[]> {
  return flavourOf(context).name === 'greenplum' ? checkGreenplum(context) : checkShards(context);
}

function checkGreenplum({ config, env, clock, signal }: ClusterContext): Promise<Check[]> {
  const { host = 'localhost', port = 5432 } = config.coordinator ?? {};
  return inspectGreenplum({
    coordinator: { content: -1, host, port },
    connect: (segment) => targetOf(config, segment, env),
    shipsFromHere: (segment) => shipperCommand(config, segment) === undefined,
    workers: config.shippers.workers,
    clock,
    signal,
  });
}

async function checkShards(context: ClusterContext): Promise<Check[]> {
  const { config, env, clock, signal } = context;
  const inspect = async (segment: Segment): Promise<Check[]> => {
    const of = `content ${segment.content}`;
    try {
      const checks = await inspectServer(targetOf(config, segment, env), { clock, signal });
      return checks.map((check) => ({ of, ...check }));
    } catch (error) {
      return [{ of, name: 'reachable', ok: false, detail: messageOf(error) }];
    }
  };
  const lists = await mapInFlight(await flavourOf(context).topology(), SEGMENTS_AT_ONCE, inspect);
  return lists.flat();
}
