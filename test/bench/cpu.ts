import { readdir, readFile } from 'node:fs/promises';

/** What a process has used, as Linux counts it. */
interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Of the process itself. */
  readonly ownMs: number;
  /** Of its children that have ended and were waited for, with theirs. */
  readonly childrenMs: number;
}

/** USER_HZ: 100 on every Linux that Node runs on. */
const TICK_MS = 10;

/** CPU time of all processes that we started and that have ended, with those that they started. */
export async function endedChildrenMs(): Promise<number> {
  return (await statOf('self'))?.childrenMs ?? 0;
}

/** CPU time of a PostgreSQL server so far: the postmaster, backends that have ended, and what runs beside them. */
export async function serverMs(postmaster: number): Promise<number> {
  const stats = await allStats();
  const own = stats.find(({ pid }) => pid === postmaster);
  if (own === undefined) throw new Error(`there is no process ${postmaster}`);
  const running = stats.filter(({ parent }) => parent === postmaster);
  return own.ownMs + own.childrenMs + running.reduce((sum, stat) => sum + stat.ownMs + stat.childrenMs, 0);
}

/** Peak resident memory of each child of a process, seen by looking now and then; a peak survives until the process ends. */
export function watchMemory(parent: number): { readonly peaks: ReadonlyMap<number, number>; stop(): void } {
  const peaks = new Map<number, number>();
  const look = async () => {
    for (const { pid } of (await allStats()).filter((stat) => stat.parent === parent)) {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
      const kilobytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
      peaks.set(pid, Math.max(peaks.get(pid) ?? 0, kilobytes * 1024));
    }
  };
  const timer = setInterval(() => void look().catch(() => undefined), 250);
  return { peaks, stop: () => clearInterval(timer) };
}

async function allStats(): Promise<Stat[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(names.map((name) => statOf(name)));
  return stats.filter((stat) => stat !== undefined);
}

async function statOf(name: string): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
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
