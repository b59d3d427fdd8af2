import { setTimeout as sleep } from 'node:timers/promises';
import { type CliResult, type RunningCli, startStowage } from '../../support/cli.ts';

/** How a command ended. */
export interface Ended {
  readonly args: readonly string[];
  /** Null when a signal ended the process. */
  readonly code: number | null;
  /** Undefined when the output was not one JSON document. */
  readonly result: CliResult | undefined;
  readonly unreadable: string | undefined;
  readonly ms: number;
  readonly endedAt: number;
  /** What it last said; present when the campaign had to kill it. */
  readonly hungAfter: string | undefined;
}

/** The limit of issue 11: this and `stallSeconds` above the time of a command without faults. */
const LIMIT_MS = 60_000;
/** A command may have three times as much to do, and the machine may become slower meanwhile. */
const PACE_FACTOR = 3;

export interface Commands {
  /** Those that run now. */
  readonly running: readonly RunningCli[];
  /** Runs a command to its end; kills it when it is silent for too long. Never throws. */
  start(args: readonly string[]): Promise<Ended>;
}

export function commandsWith(options: {
  readonly config: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stallSeconds: number;
  /** The time of a command without faults. */
  readonly paceMs: number;
  /** What the servers do, for the report of a command that does not end. */
  readonly describe: () => Promise<string>;
}): Commands {
  const running: RunningCli[] = [];
  const limitMs = LIMIT_MS + options.stallSeconds * 1000 + PACE_FACTOR * options.paceMs;
  return {
    running,
    async start(args) {
      const startedAt = Date.now();
      const command = startStowage(args, options);
      running.push(command);
      const ending = command.ended.then(
        (result) => ({ result, unreadable: undefined }),
        (error: unknown) => ({ result: undefined, unreadable: String(error) }),
      );
      const timeout = new AbortController();
      const first = await Promise.race([ending, hang(limitMs, timeout.signal)]);
      timeout.abort();
      const hungAfter = first === undefined ? await stateOf(command, options.describe) : undefined;
      if (first === undefined) command.kill('SIGKILL');
      // Shippers of a killed command hold its output open until they have ended.
      const { result, unreadable } = await Promise.race([ending, sleep(30_000, NO_RESULT)]);
      running.splice(running.indexOf(command), 1);
      return {
        args,
        code: result?.code ?? null,
        result,
        unreadable,
        ms: Date.now() - startedAt,
        endedAt: Date.now(),
        hungAfter,
      };
    },
  };
}

const NO_RESULT = { result: undefined, unreadable: 'its output stayed open for 30 s' };

const EVENTS_SHOWN = 3;
const EVENT_CHARS_MAX = 300;

async function stateOf(command: RunningCli, describe: () => Promise<string>): Promise<string> {
  const events = command.events
    .slice(-EVENTS_SHOWN)
    .map((event) => JSON.stringify(event).slice(0, EVENT_CHARS_MAX));
  const servers = await Promise.race([describe().catch(String), sleep(10_000, 'no answer')]);
  return `${servers}; last events ${events.join(' ')}`;
}

async function hang(ms: number, signal: AbortSignal): Promise<undefined> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
