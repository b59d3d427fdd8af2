import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** The CPU time of a process, as Linux counts it. */
export interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** CPU time of the process itself. */
  readonly ownMs: number;
  /** CPU time of its children that have ended and were waited for, including their children. */
  readonly childrenMs: number;
}

/** USER_HZ: 100 on every Linux that Node runs on. */
const TICK_MS = 10;

/**
 * CPU time of all ended children of this process, including the children that they waited for.
 * Short-lived processes are counted too: Linux adds their time when they are waited for.
 */
export async function endedChildrenMs(): Promise<number> {
  return statOf('self')?.childrenMs ?? 0;
}

const [READS_MAX, BETWEEN_READS_MS] = [100, 20];

/**
 * CPU time of a PostgreSQL server so far: the postmaster, its running children, and all ended
 * children below them. Waits until at most `processesMax` processes remain and none ends between
 * two reads. A backend outlives its client by a moment, and a backend that ends between two files
 * of /proc would be counted twice or not at all.
 */
export async function serverMs(
  postmaster: number,
  processesMax = Number.POSITIVE_INFINITY,
): Promise<number> {
  for (let reads = 1; ; reads += 1) {
    const first = below(allStats(), postmaster);
    const second = below(allStats(), postmaster);
    if (second.length === 0) throw new Error(`there is no process ${postmaster}`);
    const isSame = String(first.map(({ pid }) => pid)) === String(second.map(({ pid }) => pid));
    if ((isSame && second.length <= processesMax) || reads === READS_MAX)
      return second.reduce((sum, stat) => sum + stat.ownMs + stat.childrenMs, 0);
    await sleep(BETWEEN_READS_MS);
  }
}

/** The number of processes of a server. */
export function processesOf(postmaster: number): number {
  return below(allStats(), postmaster).length;
}

/** CPU time so far of a process, without its children. */
export function ownMs(pid: number): number {
  return statOf(String(pid))?.ownMs ?? 0;
}

/** A process and all its running descendants. */
export function below(stats: readonly Stat[], root: number): Stat[] {
  const children = Map.groupBy(stats, ({ parent }) => parent);
  const visit = (stat: Stat): Stat[] => [stat, ...(children.get(stat.pid) ?? []).flatMap(visit)];
  return stats.filter(({ pid }) => pid === root).flatMap(visit);
}

export function allStats(): Stat[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(statOf)
    .filter((stat) => stat !== undefined);
}

/** Parses `/proc/<pid>/stat`. Fields 14 to 17 are the CPU times. */
export function parseStat(text: string): Stat {
  // The name of the program is in parentheses and may itself contain parentheses.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const field = (number: number) => fields[number - 3] ?? 0;
  return {
    pid: Number.parseInt(text, 10),
    parent: field(4),
    ownMs: (field(14) + field(15)) * TICK_MS,
    childrenMs: (field(16) + field(17)) * TICK_MS,
  };
}

function statOf(name: string): Stat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${name}/stat`, 'utf8'));
  } catch {
    return undefined; // the process has ended
  }
}

/** All CPU time of the machine since its start, in ms, the sum of all cores. */
export interface MachineTime {
  readonly workMs: number;
  /** Interrupts, including those of the loopback interface. They belong to no process. */
  readonly interruptMs: number;
  /** Time that the hypervisor gave to other machines. */
  readonly stolenMs: number;
}

export function machineTime(): MachineTime {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] =
    /^cpu +(.*)$/m
      .exec(readFileSync('/proc/stat', 'utf8'))?.[1]
      ?.split(' ')
      .map((ticks) => Number(ticks) * TICK_MS) ?? [];
  return { workMs: user + nice + system, interruptMs: irq + softirq, stolenMs: steal };
}
