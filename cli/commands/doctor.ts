import pMap from 'p-map';
import { messageOf } from '../../backup-set/errors.ts';
import type { Segment } from '../../database/flavour.ts';
import { inspectServer } from '../../database/inspect.ts';
import { inspectGreenplum } from '../../database/inspect-greenplum.ts';
import { probeStore } from '../../storage/probe.ts';
import type { ClusterCommand } from '../command.ts';
import { shipperCommand, targetOf } from '../config.ts';
import type { ClusterContext } from '../context.ts';
import { flavourOf } from '../flavour.ts';
import { printable, table } from '../format.ts';
import { withStore } from '../open.ts';

const SEGMENTS_AT_ONCE = 16;

/** One thing looked at. */
interface Check {
  readonly of: string;
  readonly name: string;
  readonly ok: boolean;
  /** Worth reading, but keeps no backup from working. */
  readonly remark?: true;
  readonly detail: string;
}

export const doctorCommand: ClusterCommand = {
  usage: 'doctor',
  summary: 'check servers, rights, clocks, and what the store really does, by trying it',
  flags: [],
  cluster: () => ({}),
  async run({ context }) {
    const checks = [...(await checkStorage(context)), ...(await checkServers(context))];
    const bad = checks.filter(({ ok }) => !ok).length;
    context.output.result(
      { checks },
      [
        table(
          ['', 'of', 'check', 'found'],
          checks.map((check) => [signOf(check), check.of, check.name, printable(check.detail)]),
        ),
        '',
        bad === 0 ? 'all is well' : `${bad} of ${checks.length} checks failed`,
      ].join('\n'),
    );
    return bad === 0 ? 0 : 4;
  },
};

function signOf({ ok, remark }: Check): string {
  if (!ok) return 'BAD';
  return remark === true ? 'note' : 'ok';
}

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
  const lists = await pMap(await flavourOf(context).topology(), inspect, { concurrency: SEGMENTS_AT_ONCE });
  return lists.flat();
}
