import { setTimeout as sleep } from 'node:timers/promises';
import { type CliResult, type RunningCli, startStowage } from '../../support/cli.ts';
import { treesOf } from '../../support/e2e/processes.ts';
import type { Kill, PlannedCommand } from './plan.ts';
import { configOf, count, type KilledWorld } from './world.ts';

/** How a command of a round ended. */
export interface Ended {
  readonly planned: PlannedCommand;
  readonly timestamp: string | undefined;
  readonly args: readonly string[];
  /** A process of it died by SIGKILL. */
  readonly killed: boolean;
  readonly result: CliResult | undefined;
  readonly problem?: string;
}

const START_MS = 250;
const END_MS_MAX = 300_000;
const FIRST_PACE = { ms: 1_500, requests: 60 };

/** Starts one command in its slot, and kills it as planned. */
export async function runCommand(
  world: KilledWorld,
  planned: PlannedCommand,
  slot: number,
  timestamp: string | undefined,
): Promise<Ended> {
  await sleep(planned.afterMs);
  const args = argumentsOf(world, planned, slot, timestamp);
  const config = await configOf(world, planned, slot);
  const begun = performance.now();
  const proxy = world.proxies[slot];
  proxy?.reset();
  const command = startStowage(args, { config, env: world.place.env });
  const pace = world.pace.get(planned.name) ?? FIRST_PACE;
  const over = new AbortController();
  const killing = planned.kill && armKill({ world, slot, command, pace, over }, planned.kill);
  const ended = { planned, timestamp, args };
  const timeout = sleep(END_MS_MAX, 'timeout' as const, { signal: over.signal });
  timeout.catch(() => undefined);
  try {
    const result = await Promise.race([command.ended.catch(String), timeout]);
    const killed = (await killing?.()) === true;
    if (result === 'timeout') return { ...ended, killed, result: undefined, problem: 'hangs' };
    if (typeof result === 'string')
      return { ...ended, killed, result: undefined, ...(!killed && { problem: result }) };
    if (!killed && result.code === 0) notePace(world, planned, begun, slot);
    return { ...ended, killed, result };
  } finally {
    over.abort();
    command.kill('SIGKILL');
    proxy?.reset();
    proxy?.dropConnections();
  }
}

function notePace(world: KilledWorld, { name }: PlannedCommand, begun: number, slot: number) {
  const before = world.pace.get(name) ?? { ms: 0, requests: 0 };
  world.pace.set(name, {
    ms: Math.max(before.ms, performance.now() - begun),
    requests: Math.max(before.requests, world.proxies[slot]?.seen.length ?? 0),
  });
}

interface Target {
  readonly world: KilledWorld;
  readonly slot: number;
  readonly command: RunningCli;
  readonly pace: { readonly ms: number; readonly requests: number };
  readonly over: AbortController;
}

/** @returns a function that says at the end of the command whether something was killed. */
function armKill({ world, slot, command, pace, over }: Target, kill: Kill) {
  let killed = false;
  const end = (pid: number) => {
    try {
      process.kill(pid, 'SIGKILL');
      killed = true;
    } catch {
      // It ended by itself meanwhile.
    }
  };
  if (kill.by === 'request') {
    const nth = Math.floor(kill.share * pace.requests);
    let requests = 0;
    const kind = ({ before: 'stall-request', half: 'cut-request', after: 'none' } as const)[
      kill.moment
    ];
    world.proxies[slot]?.injectFault(
      { kind },
      {
        when: () => requests++ === nth,
        onFault() {
          end(command.pid);
          count(world, `killed at a request, ${kill.moment}`);
        },
      },
    );
    return () => Promise.resolve(killed);
  }
  const work = async () => {
    await sleep(START_MS + kill.share * pace.ms, undefined, { signal: over.signal });
    const tree = (await treesOf([command.pid])).map(({ pid }) => pid);
    const victims = {
      command: tree.slice(0, 1),
      tree,
      shipper: tree.slice(1, 2),
    }[kill.target];
    for (const pid of victims) end(pid);
    if (killed) count(world, `killed after a time, ${kill.target}`);
  };
  const working = work().catch(() => undefined);
  return async () => {
    over.abort();
    await working;
    return killed;
  };
}

function argumentsOf(
  { copies }: KilledWorld,
  { name, force, full }: PlannedCommand,
  slot: number,
  timestamp = '20200101000000',
): string[] {
  switch (name) {
    case 'backup':
      return ['backup', ...(full ? ['--full'] : [])];
    case 'expire':
      return ['expire', '--yes'];
    case 'delete':
      return ['delete', timestamp, '--yes', ...(force ? ['--force'] : [])];
    case 'restore':
      return ['restore', timestamp, '--create', '--database', `target_${slot}`];
    case 'copy':
      return ['copy', timestamp, '--to', copies];
    case 'sweep':
      return ['sweep'];
    case 'hold':
      return ['hold', timestamp, '--why', 'chaos'];
    case 'unexpire':
      return ['unexpire', timestamp];
    case 'release':
    case 'validate':
      return [name, timestamp];
  }
}
