import { spawn } from 'node:child_process';
import { describeExit, type Exit, exitOf } from '../../../../async/child-process.ts';
import { poll } from '../../../../async/poll.ts';
import { UnsoundSet } from '../../set-problem.ts';
import type { FoundFile } from '../find-files.ts';
import { textFile } from '../judge-files.ts';

/** The gpcrondump that writes into the FIFOs. */
export interface Writer {
  /** It writes no dump any more. */
  hasEnded(): Promise<boolean>;
  /** Waits for its last small file. @returns why it has not ended well; undefined: it has. */
  ended(): Promise<string | undefined>;
  /** Ends it, if it was started here. Never throws. */
  stop(): Promise<void>;
}

const EVERY_MS = 500;
const INTERRUPT_MS_MAX = 10_000;
const KILL_MS_MAX = 5_000;

/** Starts gpcrondump. What it prints goes to standard error. */
export function startWriter(command: string, idleMs: number, signal: AbortSignal): Writer {
  // A process group of its own: gpcrondump starts programs that must end with it.
  const child = spawn('sh', ['-c', command], { stdio: ['ignore', 2, 2], detached: true });
  let exit: Exit | Error | undefined;
  const gone = exitOf(child).then(
    (ended) => (exit = ended),
    (error: Error) => (exit = error),
  );
  const kill = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // The group has ended.
    }
  };
  const waited = (timeoutMs: number, stop?: AbortSignal) =>
    poll(async () => exit, { everyMs: EVERY_MS, timeoutMs, signal: stop });
  return {
    async hasEnded() {
      return exit !== undefined;
    },
    async ended() {
      const how = await waited(idleMs, signal);
      if (how === undefined) return `it had not ended ${idleMs / 1000} s after its last dump`;
      if (how instanceof Error) return `it could not be started: ${how.message}`;
      return how.code === 0 ? undefined : `it ended with ${describeExit(how)}`;
    },
    async stop() {
      if (exit !== undefined) return;
      // gpcrondump ends gp_dump of all segments when it is interrupted.
      kill('SIGINT');
      if ((await waited(INTERRUPT_MS_MAX)) === undefined) kill('SIGKILL');
      await Promise.race([gone, waited(KILL_MS_MAX)]);
    },
  };
}

export interface WrittenFiles {
  /** The small files of the set that are there. */
  list(): Promise<readonly FoundFile[]>;
  /** Names of files that must come. */
  readonly listed: readonly string[];
  /** It has ended when no file has changed for so long. */
  readonly settleMs: number;
}

/** A gpcrondump that the user starts: its files tell when it has ended. */
export function otherWriter(files: WrittenFiles, idleMs: number, signal: AbortSignal): Writer {
  const isReported = async (found: readonly FoundFile[]) => {
    const report = found.find(({ kind }) => kind === 'report');
    if (report === undefined) return false;
    const text = await textFile(report, signal).catch((error: unknown) => {
      // It is being written.
      if (error instanceof UnsoundSet) return '';
      throw error;
    });
    return /^gp_dump utility finished /m.test(text.toString('latin1'));
  };
  return {
    hasEnded: async () => isReported(await files.list()),
    async ended() {
      let [before, since] = ['', 0];
      const isSettled = async () => {
        const found = await files.list();
        const now = JSON.stringify(found.map(({ path, placed }) => [path, placed.bytes]).sort());
        if (now !== before) [before, since] = [now, performance.now()];
        const names = new Set(found.map(({ name }) => name));
        if (files.listed.some((name) => !names.has(name)) || !(await isReported(found)))
          return undefined;
        return performance.now() - since >= files.settleMs ? true : undefined;
      };
      const everyMs = Math.max(EVERY_MS, files.settleMs / 10);
      const isOver = await poll(isSettled, { everyMs, timeoutMs: idleMs, signal });
      if (isOver === true) return undefined;
      const names = new Set((await files.list()).map(({ name }) => name));
      const lacking = files.listed.filter((name) => !names.has(name));
      return lacking.length === 0
        ? `its report did not say in ${idleMs / 1000} s that gp_dump has finished`
        : `it has not written ${lacking.join(', ')} in ${idleMs / 1000} s`;
    },
    async stop() {},
  };
}
