import { availableParallelism } from 'node:os';
import type { Counts } from '../sink/counts.ts';
import type { Sink } from '../sink/start.ts';
import { endedChildrenMs, machineTime, ownMs, processesOf, serverMs } from './cpu.ts';
import { watchMemory } from './memory.ts';

/** Whose CPU is counted where: everything else that this process starts is the client's. */
export interface MeasuredProcesses {
  /** Postmasters. */
  readonly servers: readonly number[];
  /** Processes of the store: the sink or Ceph. */
  readonly stores: readonly number[];
  readonly sink?: Sink;
}

/** What one run took. Times are seconds, of CPU unless said. */
export interface Usage {
  readonly wallSeconds: number;
  /** The client with everything that it started. */
  readonly clientSeconds: number;
  /** PostgreSQL: postmaster, backends, background processes; without its programs. */
  readonly databaseSeconds: number;
  /** What PostgreSQL started for COPY … PROGRAM. */
  readonly programSeconds: number;
  readonly totalSeconds: number;
  /** The sink or Ceph: charged to nobody. */
  readonly storeSeconds: number;
  /** Interrupts of the whole machine, charged to nobody. */
  readonly interruptSeconds: number;
  /** What processes that have nothing to do with the run used, as a share of the machine. */
  readonly othersShare: number;
  readonly clientPeakBytes: number;
  readonly shipperPeakBytes: number;
  readonly programPeakBytes: number;
  /** Requests and bytes at the sink; absent on another server. */
  readonly store?: Counts;
}

/** What a contender says of itself. */
export interface RunResult {
  /** What its programs inside PostgreSQL used, in ms. */
  readonly programMs?: number;
  /** Facts beside the times, such as the size of a set; numbers, in the unit that the name ends in. */
  readonly facts?: Readonly<Record<string, number>>;
  /** The JSON that Stowage printed. */
  readonly printed?: unknown;
}

/** More is said loudly: then the figures are worth little. */
export const OTHERS_SHARE_MAX = 0.05;

/** Runs one contender once, alone, and counts. */
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
