import { runToEnd } from '../../async/child-process.ts';
import { Timestamp } from '../../backup-set/base/timestamps.ts';
import { ExpirySummary } from '../../backup-set/documents/retention/expiry-summary.ts';
import type { RunEnd } from '../../backup-set/documents/schedule/schedule.ts';
import type { Flags } from '../command.ts';

/** How a run ended, as far as its process says. */
export type ChildEnd = Pick<
  RunEnd,
  'exitCode' | 'signal' | 'code' | 'message' | 'set' | 'expiry'
> & { readonly pid?: number };

/** Runs a command of the command line as a process, until `abort` fires. Never throws. */
export type RunChild = (args: readonly string[], abort: AbortSignal) => Promise<ChildEnd>;

/** The result of a command is one JSON document; of a longer one only the error is lost. */
const OUTPUT_CHARS_MAX = 4 * 1024 * 1024;
const MESSAGE_CHARS_MAX = 1000;
/** A backup that is interrupted writes its seal. */
const KILL_AFTER_MS = 10_000;
/**
 * Ctrl-C and systemd signal the command as well as its runner, and a second SIGINT or SIGTERM ends
 * a command at once (cli/ending.ts): a backup would write no seal, and a drill drop nothing.
 */
const END_SIGNAL = 'SIGHUP';

/** Starts this very program with the configuration of this process. */
export function commandLine(flags: Flags): RunChild {
  const program = process.execPath;
  const [, script] = process.argv;
  // In a single executable both are the program.
  const begin = script === undefined || script === program ? [] : [script];
  const common = ['config', 'root', 'endpoint'].flatMap((name) =>
    typeof flags[name] === 'string' ? [`--${name}`, flags[name]] : [],
  );
  return async (args, abort) => {
    try {
      const ended = await runToEnd(program, [...begin, ...args, ...common, '--json'], {
        abort,
        killAfterMs: KILL_AFTER_MS,
        endSignal: END_SIGNAL,
        outputCharsMax: OUTPUT_CHARS_MAX,
      });
      return {
        ...(ended.pid !== undefined && { pid: ended.pid }),
        ...(ended.code !== null && { exitCode: ended.code }),
        ...(ended.signal !== null && { signal: ended.signal }),
        ...resultOf(ended.stdout, ended.code === 0 ? '' : ended.stderr),
      };
    } catch (error) {
      return { exitCode: 1, message: `cannot start ${program}: ${String(error)}` };
    }
  };
}

/** What the output of a command says: the set, the error, and what expiry did. */
export function resultOf(
  stdout: string,
  stderr: string,
): Pick<RunEnd, 'code' | 'message' | 'set' | 'expiry'> {
  const result = parsed(stdout) as {
    readonly timestamp?: unknown;
    readonly summary?: unknown;
    readonly problems?: readonly { readonly code?: unknown; readonly message?: unknown }[];
    readonly error?: { readonly code?: unknown; readonly message?: unknown };
  };
  const { timestamp, summary, error, problems } = result;
  const expiry = ExpirySummary.safeParse(summary);
  const set = Timestamp.safeParse(timestamp);
  const first = error ?? problems?.[0];
  const message = first?.message ?? stderr.trim().split('\n').at(-1) ?? '';
  return {
    ...(set.success && { set: set.data }),
    ...(expiry.success && { expiry: expiry.data }),
    ...(typeof first?.code === 'string' && { code: first.code }),
    ...(typeof message === 'string' &&
      message !== '' && { message: message.slice(0, MESSAGE_CHARS_MAX).toWellFormed() }),
  };
}

function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
