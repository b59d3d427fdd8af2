import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a process has used, as Linux counts it. */
export interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Of the process itself. */
  readonly ownMs: number;
  /** Of its children that have ended and were waited for, with theirs. */
  readonly childrenMs: number;
}

/** USER_HZ: 100 on every Linux that Node runs on. */
const TICK_MS = 10;

/**
 * CPU time of all processes that we started and that have ended, with those that they started and waited for. Nothing
 * short-lived escapes: Linux adds it up when a child is waited for.
 */
export async function endedChildrenMs(): Promise<number> {
  return statOf('self')?.childrenMs ?? 0;
}

const [LOOKS_MAX, BETWEEN_LOOKS_MS] = [100, 20];

/**
 * CPU time of a PostgreSQL server so far: the postmaster, its running children, and all that have ended below them. Waits until
 * no more than `processesMax` processes are left and none ended meanwhile: a backend outlives its client by a moment, and
 * one that ends between two files of /proc would be counted twice or not at all.
 */
export async function serverMs(
  postmaster: number,
  processesMax = Number.POSITIVE_INFINITY,
): Promise<number> {
  for (let looks = 1; ; looks += 1) {
    const first = below(allStats(), postmaster);
    const second = below(allStats(), postmaster);
    if (second.length === 0) throw new Error(`there is no process ${postmaster}`);
    const isSame = String(first.map(({ pid }) => pid)) === String(second.map(({ pid }) => pid));
    if ((isSame && second.length <= processesMax) || looks === LOOKS_MAX)
      return second.reduce((sum, stat) => sum + stat.ownMs + stat.childrenMs, 0);
    await sleep(BETWEEN_LOOKS_MS);
  }
}

/** How many processes a server has. */
export function processesOf(postmaster: number): number {
  return below(allStats(), postmaster).length;
}

/** CPU time so far of one process alone. */
export function ownMs(pid: number): number {
  return statOf(String(pid))?.ownMs ?? 0;
}

/** A process and all its living descendants. */
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

/** Fields 14 to 17 of what `/proc/<pid>/stat` says: own and ended children's time. */
export function parseStat(text: string): Stat {
  // The program's name stands in parentheses and may hold anything, also a parenthesis.
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
    return undefined; // it ended while we looked
  }
}

/** All CPU time of the machine since it started, in ms of all cores together. */
export interface MachineTime {
  readonly workMs: number;
  /** Interrupts, also those that carry bytes over the loopback interface: nobody's own. */
  readonly interruptMs: number;
  /** What the hypervisor gave to others. */
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
