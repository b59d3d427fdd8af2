import { readdir, readFile } from 'node:fs/promises';

/**
 * Bytes per second of one content's shipper, for tests that interrupt a run. The rows of a big
 * table then take half a minute, so that the test can interrupt them even on a busy machine.
 * Without this limit all rows could have been sent before the test kills a process.
 */
export const SLOW_RATE_BYTES = 500_000;

/** True while a process with this id runs. A zombie does not count. */
export async function isRunning(pid: number): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch {
    return false;
  }
}

export interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Arguments joined by spaces. */
  readonly commandLine: string;
}

export async function childrenOf(pid: number): Promise<Process[]> {
  return (await allProcesses()).filter(({ parent }) => parent === pid);
}

/** The command lines of a process and all its descendants. */
export async function commandLinesUnder(pid: number): Promise<string[]> {
  return (await treesOf([pid])).map(({ commandLine }) => commandLine);
}

/** The processes with these ids and all their descendants. */
export async function treesOf(pids: readonly number[]): Promise<Process[]> {
  const processes = await allProcesses();
  const children = Map.groupBy(processes, ({ parent }) => parent);
  const visit = (at: Process): Process[] => [at, ...(children.get(at.pid) ?? []).flatMap(visit)];
  return processes.filter(({ pid }) => pids.includes(pid)).flatMap(visit);
}

async function allProcesses(): Promise<Process[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return (await Promise.all(names.map(readProcess))).filter((found) => found !== undefined);
}

async function readProcess(name: string): Promise<Process | undefined> {
  try {
    const stat = await readFile(`/proc/${name}/stat`, 'utf8');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    const commandLine = (await readFile(`/proc/${name}/cmdline`, 'utf8')).replaceAll('\0', ' ');
    return { pid: Number(name), parent, commandLine };
  } catch {
    // The process ended meanwhile.
    return undefined;
  }
}
