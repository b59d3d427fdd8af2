import { readdir, readFile } from 'node:fs/promises';

/**
 * Bytes per second that a content's shipper may send or read: rows of a big table are on their way for half a minute then, and a blow
 * strikes them however late it comes. As fast as they go they may all be through while a busy machine lets us wait.
 */
export const SLOW_RATE_BYTES = 500_000;

/** True while a process with this id runs (a zombie does not). */
export async function isRunning(pid: number): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch {
    return false;
  }
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Words joined by spaces. */
  readonly commandLine: string;
}

export async function childrenOf(pid: number): Promise<Process[]> {
  return (await allProcesses()).filter(({ parent }) => parent === pid);
}

/** The command lines of a process and all its descendants. */
export async function commandLinesUnder(pid: number): Promise<string[]> {
  const processes = await allProcesses();
  const children = Map.groupBy(processes, ({ parent }) => parent);
  const visit = (at: Process): string[] => [
    at.commandLine,
    ...(children.get(at.pid) ?? []).flatMap(visit),
  ];
  return processes.filter((found) => found.pid === pid).flatMap(visit);
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
    // It ended while we looked.
    return undefined;
  }
}
