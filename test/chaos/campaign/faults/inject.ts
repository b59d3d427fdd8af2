import { setTimeout as sleep } from 'node:timers/promises';
import { DATABASE } from '../../../support/e2e/cluster.ts';
import { type Process, treesOf } from '../../../support/e2e/processes.ts';
import type { SeenRequest } from '../../../support/servers/faulty-proxy.ts';
import type { TestServer } from '../../../support/servers/postgres.ts';
import type { Agents } from '../agents.ts';
import type { Commands } from '../command.ts';
import type { Lane } from '../lane.ts';
import type { BackendFault, Fault, Phase, ProcessFault, RunPlan, StoreFault } from '../plan.ts';

/** A fault that took effect, and on what. */
export interface Fired {
  readonly fault: Fault;
  readonly what: string;
}

export interface Injection {
  readonly fired: readonly Fired[];
  /** Ends every fault: stalled sessions are closed, frozen backends continue. */
  heal(): Promise<void>;
}

interface Targets {
  readonly lane: Lane;
  readonly plan: RunPlan;
  readonly commands: Commands;
  readonly agents: () => Agents;
}

const LOOK_MS = 40;

/** Arms the faults of one phase. Called before the command of the phase starts. */
export function inject(targets: Targets, phase: Phase): Injection {
  const { lane, plan } = targets;
  const faults = plan.faults.filter((fault) => fault.phase === phase);
  const fired: Fired[] = [];
  const note = (fault: Fault, what: string) => void fired.push({ fault, what });
  const stopping = new AbortController();
  const { signal } = stopping;
  const frozen: number[] = [];
  for (const [content, wire] of lane.wires.entries())
    wire.arm(
      faults.filter((fault) => fault.on === 'wire').filter((fault) => fault.content === content),
      note,
    );
  lane.storeProxy.reset();
  const work = faults.map(async (fault) => {
    if (fault.on === 'store') armStore(lane, fault, note);
    if (fault.on !== 'process' && fault.on !== 'backend') return;
    const sessions = () => lane.wires.reduce((sum, wire) => sum + wire.sessions(), 0);
    while (sessions() < fault.afterSessions) await sleep(LOOK_MS, undefined, { signal });
    await sleep(fault.afterMs, undefined, { signal });
    // A process or session of this kind may appear later.
    for (; ; await sleep(LOOK_MS, undefined, { signal })) {
      const what =
        fault.on === 'process'
          ? await endProcess(targets, fault)
          : await meddle(lane.servers[fault.content], fault, frozen);
      if (what !== undefined) return note(fault, what);
    }
  });
  const settled = Promise.allSettled(work);
  return {
    fired,
    async heal() {
      stopping.abort();
      for (const wire of lane.wires) wire.heal();
      lane.storeProxy.reset();
      lane.storeProxy.dropConnections();
      await settled;
      for (const pid of frozen) quietly(() => process.kill(pid, 'SIGCONT'));
    },
  };
}

function armStore(lane: Lane, fault: StoreFault, note: (fault: Fault, what: string) => void): void {
  const { kind, method, nth, times, afterBytes, ms } = fault;
  let [matching, first] = [0, ''];
  lane.storeProxy.injectFault({ kind, afterBytes, ms } as never, {
    times,
    when(request: SeenRequest) {
      if (method !== 'any' && request.method !== method) return false;
      matching += 1;
      if (matching > nth) first ||= `${request.method} ${request.url.slice(0, 160)}`;
      return matching > nth;
    },
    onFault: () => note(fault, first),
  });
}

/** Undefined while there is no such process. */
async function endProcess(
  { commands, agents }: Targets,
  { target, kind, pick }: ProcessFault,
): Promise<string | undefined> {
  if (target === 'agent') {
    const agent = at(agents().running, pick);
    agent?.kill(kind);
    return agent && `agent ${agent.pid}`;
  }
  const { running } = commands;
  if (target === 'command') {
    const command = at(running, pick);
    command?.kill(kind);
    return command && `command ${command.pid}`;
  }
  const roots = [...running, ...agents().running].map(({ pid }) => pid);
  const found = (await treesOf(roots)).filter(
    (candidate) => !roots.includes(candidate.pid) && isTool(candidate) === (target === 'tool'),
  );
  const victim = at(found, pick);
  if (victim !== undefined) quietly(() => process.kill(victim.pid, kind));
  return victim && `${victim.commandLine.slice(0, 120)} (${victim.pid})`;
}

const isTool = ({ commandLine }: Process) =>
  /^\S*(pg_dump|pg_dumpall|pg_restore|psql)\s/.test(commandLine);

/** Undefined while the server has no session of ours. */
async function meddle(
  server: TestServer | undefined,
  { kind, pick, ms }: BackendFault,
  frozen: number[],
): Promise<string | undefined> {
  if (server === undefined) return undefined;
  const lines = await server
    .psql(
      `SELECT pid, application_name FROM pg_stat_activity WHERE application_name LIKE 'stowage %'
       AND datname IN ('postgres', '${DATABASE}', 'target') ORDER BY application_name, backend_start`,
    )
    .catch(() => '');
  const [pid, name] = (at(lines === '' ? [] : lines.split('\n'), pick) ?? '').split('|');
  if (pid === undefined || pid === '') return undefined;
  if (kind === 'terminate' || kind === 'cancel') {
    await server.psql(`SELECT pg_${kind}_backend(${pid})`);
  } else if (kind === 'crash') {
    quietly(() => process.kill(Number(pid), 'SIGKILL'));
  } else {
    frozen.push(Number(pid));
    quietly(() => process.kill(Number(pid), 'SIGSTOP'));
    if (kind === 'freeze')
      setTimeout(() => quietly(() => process.kill(Number(pid), 'SIGCONT')), ms);
  }
  return `${name} (${pid})`;
}

function at<T>(list: readonly T[], share: number): T | undefined {
  return list[Math.floor(share * list.length)];
}

/** A process may have ended meanwhile. */
function quietly(act: () => unknown): void {
  try {
    act();
  } catch {
    return;
  }
}
