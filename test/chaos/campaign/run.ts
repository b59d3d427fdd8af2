import { setTimeout as sleep } from 'node:timers/promises';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { type Agents, NO_AGENTS, startAgents } from './agents.ts';
import { type Commands, commandsWith, type Ended } from './command.ts';
import { type Fired, inject } from './faults/inject.ts';
import { resetBank, transfersIn } from './judge/bank.ts';
import { type Finding, judgeBackup, judgeRestores, type Transfers } from './judge/judge.ts';
import { leftovers, sessionsOf } from './judge/leftovers.ts';
import { type Lane, STANDING, temporaryFolder } from './lane.ts';
import { type DdlCount, startDdl } from './load/ddl.ts';
import { startWriters } from './load/writers.ts';
import type { Phase, RunPlan } from './plan.ts';
import { dropTargets, JUDGED, prepareTarget, TARGET, untilReady } from './targets.ts';

export interface RunResult {
  readonly plan: RunPlan;
  readonly fired: readonly Fired[];
  readonly backup: Ended;
  readonly restores: readonly Ended[];
  /** The backup stored a manifest. */
  readonly complete: boolean;
  readonly findings: readonly Finding[];
  readonly transfers: number;
  readonly ddl: readonly DdlCount[];
  readonly ms: number;
}

/** One run: a backup, a restore of its set (or of the standing one), and what the judge found. */
export async function run(lane: Lane, plan: RunPlan, stallSeconds: number): Promise<RunResult> {
  const startedAt = Date.now();
  const root = lane.direct.newRoot();
  await untilReady(lane);
  await dropTargets(lane);
  await resetBank(lane.servers, DATABASE);
  const config = await configFor(lane.viaProxy, lane.proxied, root, settingsOf(plan, stallSeconds));
  const env = { ...lane.direct.env, TMPDIR: temporaryFolder(lane) };
  const commands = commandsWith({
    config,
    env,
    stallSeconds,
    paceMs: lane.pace.slowestMs,
    describe: () => sessionsOf(lane),
  });
  let agents: Agents = plan.agents ? await startAgents(lane, root, stallSeconds) : NO_AGENTS;
  const during = async <T>(phase: Phase, act: () => Promise<T>) => {
    const injection = inject({ lane, plan, commands, agents: () => agents }, phase);
    try {
      return { value: await act(), fired: injection.fired };
    } finally {
      await injection.heal();
      await untilReady(lane);
    }
  };
  try {
    const backup = await during('backup', () => backUpUnderLoad(lane, plan, commands));
    const { ended, transfers, ddl } = backup.value;
    const judged = await judgeBackup(lane, root, ended, transfers);
    const set = judged.set ?? { ...lane.standing, contents: lane.standingContents };
    if (plan.agents && judged.set === undefined) {
      await agents.stop();
      agents = await startAgents(lane, set.root, stallSeconds);
    }
    const template = judged.set === undefined ? STANDING : JUDGED;
    const before = await prepareTarget(lane, plan.restores[0]?.mode ?? 'create', template);
    const restores = await during('restore', () => restoreAll(plan, set, commands));
    const agentsEnded = await agents.stop();
    const findings: Finding[] = [
      ...(agentsEnded ? [] : [AGENTS_HANG]),
      ...judged.findings,
      ...(await judgeRestores(lane, plan, set, before, restores.value)),
      ...(await leftovers(lane, root)),
      ...(await leftovers(lane, lane.standing.root)),
    ];
    return {
      plan,
      fired: [...backup.fired, ...restores.fired],
      backup: ended,
      restores: restores.value,
      complete: judged.set !== undefined,
      findings,
      transfers: transfers.after - transfers.before,
      ddl,
      ms: Date.now() - startedAt,
    };
  } finally {
    await agents.stop();
    await clearRoot(lane, root);
  }
}

const AGENTS_HANG: Finding = { kind: 'hang', what: 'agents did not end within 25 s of SIGTERM' };

function settingsOf(plan: RunPlan, stallSeconds: number): Record<string, unknown> {
  return {
    functions: 'inline',
    backup: { packBytes: plan.packBytes, frameBytes: 256 * 1024, lockAttempts: 10 },
    shippers: { workers: plan.workers, ...(plan.agents && { start: 'agents', claimSeconds: 30 }) },
    stallSeconds,
  };
}

async function backUpUnderLoad({ servers }: Lane, plan: RunPlan, commands: Commands) {
  const [server] = servers;
  if (server === undefined) throw new Error('a lane has no server');
  const lockTimeoutMs = plan.ddlLockTimeoutMs;
  const writers = plan.writers ? await startWriters(servers) : undefined;
  const loads = plan.ddl
    ? await Promise.all(
        servers.map((each, at) => startDdl(each, { seed: plan.seed * 2 + at, lockTimeoutMs })),
      )
    : [];
  const before = await transfersIn(server, DATABASE);
  const ended = await commands.start(['backup']);
  const ddl = await Promise.all(loads.map((load) => load.stop()));
  await writers?.stop();
  // Without writers there is no transfer, and the server may just restart after a crash.
  const after = plan.writers ? await transfersIn(server, DATABASE) : before;
  const transfers: Transfers = { before, after };
  return { ended, transfers, ddl };
}

async function restoreAll(
  plan: RunPlan,
  set: { readonly root: string; readonly timestamp: string },
  commands: Commands,
): Promise<Ended[]> {
  return Promise.all(
    plan.restores.map(async ({ mode, afterMs }) => {
      await sleep(afterMs);
      const flags = mode === 'fill' ? [] : [`--${mode}`];
      return commands.start([
        ...['restore', set.timestamp, '--root', set.root, '--database', TARGET],
        ...flags,
      ]);
    }),
  );
}

async function clearRoot(lane: Lane, root: string): Promise<void> {
  const store = await lane.direct.open(root);
  try {
    for await (const upload of store.pendingUploads('')) await store.abortUpload(upload);
    const keys = (await Array.fromAsync(store.list(''))).map(({ key }) => key);
    if (keys.length > 0) await store.delete(keys);
  } finally {
    await store.close();
  }
}
