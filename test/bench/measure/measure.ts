import { availableParallelism } from 'node:os';
import type { Counts } from '../sink/counts.ts';
import type { Sink } from '../sink/start.ts';
import { endedChildrenMs, machineTime, ownMs, processesOf, serverMs } from './cpu.ts';
import { watchMemory } from './memory.ts';

/** Processes that are not the client's. All others that this process starts are the client's. */
export interface MeasuredProcesses {
  /** Postmasters. */
  readonly servers: readonly number[];
  /** Processes of the store: the sink or Ceph. */
  readonly stores: readonly number[];
  readonly sink?: Sink;
}

/** The cost of a run. Times are seconds of CPU, except `wallSeconds`. */
export interface Usage {
  readonly wallSeconds: number;
  /** The client and all processes that it started. */
  readonly clientSeconds: number;
  /** PostgreSQL: postmaster, backends and background processes, without its programs. */
  readonly databaseSeconds: number;
  /** Programs that PostgreSQL started for COPY … PROGRAM. */
  readonly programSeconds: number;
  readonly totalSeconds: number;
  /** The sink or Ceph. Not charged to a contender. */
  readonly storeSeconds: number;
  /** Interrupts of the whole machine. Not charged to a contender. */
  readonly interruptSeconds: number;
  /** CPU time of processes that are not part of the run, as a share of the machine. */
  readonly othersShare: number;
  readonly clientPeakBytes: number;
  readonly shipperPeakBytes: number;
  readonly programPeakBytes: number;
  /** Requests and bytes that the sink counted; absent on another server. */
  readonly store?: Counts;
}

/** What a contender reports of its run. */
export interface RunResult {
  /** CPU time of its programs inside PostgreSQL, in ms. */
  readonly programMs?: number;
  /** Other figures, such as the size of a set. Each name ends with its unit. */
  readonly facts?: Readonly<Record<string, number>>;
  /** The JSON that Stowage printed. */
  readonly printed?: unknown;
}

/** Above this the report warns: the figures are not reliable. */
export const OTHERS_SHARE_MAX = 0.05;

/** Runs a contender once and measures it. */
export async function measure<T extends RunResult>(
  { servers, stores, sink }: MeasuredProcesses,
  work: () => Promise<T>,
): Promise<{ ran: T; usage: Usage }> {
  await sink?.forgetCounts();
  const idle = servers.map((pid) => ({ pid, processes: processesOf(pid) }));
  const serversBefore = await sumOf(servers, (pid) => serverMs(pid));
  const memory = watchMemory(servers, stores);
  const before = await readCounters(stores);
  const startedAt = performance.now();
  let ran: T;
  let wallMs: number;
  let peaks: ReturnType<typeof memory.stop>;
  try {
    ran = await work();
  } finally {
    wallMs = performance.now() - startedAt;
    peaks = memory.stop();
  }
  const after = await readCounters(stores);
  const serversAfter = await sumOf(idle, ({ pid, processes }) => serverMs(pid, processes));
  const clientMs = after.clientMs - before.clientMs;
  const databaseMs = serversAfter - serversBefore;
  const storeMs = after.storeMs - before.storeMs;
  const programMs = ran.programMs ?? 0;
  const workMs = after.machine.workMs - before.machine.workMs;
  const othersMs = workMs - clientMs - databaseMs - storeMs - (after.ownMs - before.ownMs);
  const store = await sink?.counts();
  return {
    ran,
    usage: {
      wallSeconds: wallMs / 1000,
      clientSeconds: clientMs / 1000,
      databaseSeconds: (databaseMs - programMs) / 1000,
      programSeconds: programMs / 1000,
      totalSeconds: (clientMs + databaseMs) / 1000,
      storeSeconds: storeMs / 1000,
      interruptSeconds: (after.machine.interruptMs - before.machine.interruptMs) / 1000,
      othersShare: Math.max(0, othersMs) / (wallMs * availableParallelism()),
      clientPeakBytes: peaks.clientBytes,
      shipperPeakBytes: peaks.shipperBytes,
      programPeakBytes: peaks.programBytes,
      ...(store === undefined ? {} : { store }),
    },
  };
}

async function sumOf<T>(list: readonly T[], ms: (one: T) => Promise<number>): Promise<number> {
  return (await Promise.all(list.map(ms))).reduce((sum, one) => sum + one, 0);
}

async function readCounters(stores: readonly number[]) {
  const { user, system } = process.cpuUsage();
  return {
    clientMs: await endedChildrenMs(),
    storeMs: stores.reduce((sum, pid) => sum + ownMs(pid), 0),
    ownMs: (user + system) / 1000,
    machine: machineTime(),
  };
}
