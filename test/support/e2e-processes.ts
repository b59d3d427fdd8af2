import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** True while a process with this id runs (a zombie does not). */
export async function isRunning(pid: number): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch {
    return false;
  }
}

/** The command lines of a process and all its descendants, words joined by spaces. */
export async function commandLinesUnder(pid: number): Promise<string[]> {
  const processes = await Promise.all(
    (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(look),
  );
  const children = Map.groupBy(
    processes.filter((found) => found !== undefined),
    ({ parent }) => parent,
  );
  const found: string[] = [];
  const visit = (at: number) => {
    const own = processes.find((candidate) => candidate?.pid === at);
    if (own !== undefined) found.push(own.commandLine);
    for (const child of children.get(at) ?? []) visit(child.pid);
  };
  visit(pid);
  return found;
}

/** Asks again and again until a condition holds; the time is a bound for what is stuck, not a measure. */
export async function eventually<T>(
  ask: () => Promise<T>,
  holds: (answer: T) => boolean,
  msMax = 20_000,
): Promise<T> {
  const until = Date.now() + msMax;
  for (;;) {
    const answer = await ask();
    if (holds(answer) || Date.now() > until) return answer;
    await sleep(50);
  }
}

async function look(name: string) {
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
