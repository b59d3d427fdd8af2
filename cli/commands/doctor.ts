import { messageOf } from '../../backup-set/base/errors.ts';
import { probeStore } from '../../storage/probe.ts';
import type { ClusterCommand } from '../command.ts';
import { functionsOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import type { Check } from '../doctor/check.ts';
import { checkCluster } from '../doctor/cluster.ts';
import { checkDeployment } from '../doctor/deployment.ts';
import { checkJudges } from '../doctor/judges.ts';
import { checkKeys } from '../doctor/keys/keys.ts';
import { checkLocks } from '../doctor/locks.ts';
import { checkServers } from '../doctor/servers.ts';
import { tableOf } from '../doctor/text.ts';
import { checkUnfinished } from '../doctor/unfinished.ts';
import { IDENTITY_FLAG, secondsFrom } from '../flags.ts';
import { withStore } from '../open.ts';
import { checkSchedule } from '../schedule/missing-runner.ts';
import { functionDeps } from '../wait-for-functions.ts';

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
    IDENTITY_FLAG,
  ],
  lists: [IDENTITY_FLAG[0]],
  cluster: (flags) => ({ functions: flags['functions'] }),
  async run({ flags, context }) {
    const checks =
      flags['deployment'] === true
        ? await checkDeployment(context, secondsFrom(flags, 'wait', WAIT_SECONDS) * 1000)
        : await checkBackups(context);
    context.output.result({ checks }, tableOf(checks, context.output.screen));
    return checks.every(({ ok }) => ok) ? 0 : 4;
  },
};

async function checkBackups(context: ClusterContext): Promise<Check[]> {
  const storage = await checkStorage(context);
  const servers = await checkServers(context);
  const cluster = await checkCluster(context, servers);
  return [
    ...storage,
    ...servers,
    ...cluster,
    ...(await checkUnfinished(context)),
    ...(await checkKeys(context)),
    ...(await checkJudges(context)),
    ...(await checkSchedule(context)),
  ];
}

async function checkStorage(context: ClusterContext): Promise<Check[]> {
  const of = 'storage';
  try {
    return await withStore(context, async (store) => {
      const { ok, checks } = await probeStore(store);
      const runsHere = functionsOf(context.config) === 'inline';
      const locks = ok ? await checkLocks(functionDeps(context, store), runsHere) : [];
      return [...checks.map((check) => ({ of, ...check })), ...locks];
    });
  } catch (error) {
    return [{ of, name: 'reachable', ok: false, detail: messageOf(error) }];
  }
}
