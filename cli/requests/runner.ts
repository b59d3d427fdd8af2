import { hostname } from 'node:os';
import { pause } from '../../async/poll.ts';
import { watchTrouble } from '../../async/watch/trouble.ts';
import { messageOf } from '../../backup-set/base/errors.ts';
import type { Deps } from '../../functions/deps.ts';
import { isProven } from '../../functions/requests/proof.ts';
import { describeRequest, endRequest, recentIds } from '../../functions/requests/requests.ts';
import type { RequestSettings } from '../../functions/serve/console/requests/desk.ts';
import type { ChildEnd, RunChild } from '../schedule/child.ts';
import { takerName } from './taker.ts';

/** How soon a request begins, and how often a server without requests lists them. */
const LOOK_MS = 10_000;
const END_MS_MAX = 30_000;

export interface RequestRunnerOptions {
  readonly deps: Deps;
  readonly settings: RequestSettings;
  readonly runChild: RunChild;
  readonly stopped: AbortSignal;
  readonly events: {
    readonly onStarted: (id: string) => void;
    readonly onEnded: (id: string, end: ChildEnd) => void;
    /** Another command took it: of another server, or an operator's. */
    readonly onTaken: (id: string, by: string) => void;
    readonly onTrouble: (message: string) => void;
  };
  readonly lookMs?: number;
}

/**
 * Carries out the requests for targets that need no operator, one after the other, each by a
 * process of `stowage restore --request`. That command checks the request again and takes it.
 */
export async function runRequests(options: RequestRunnerOptions): Promise<void> {
  const { deps, stopped, events, lookMs = LOOK_MS } = options;
  const watch = watchTrouble(deps.clock);
  /** Requests that need no look any more. */
  const settled = new Set<string>();
  while (!stopped.aborted) {
    try {
      for (const id of await dueRequests(options, settled)) {
        if (stopped.aborted) return;
        settled.add(id);
        await carryOut(options, id);
      }
      watch.succeeded();
    } catch (error) {
      if (watch.failed(error)) events.onTrouble(messageOf(error));
    }
    await pause(lookMs, stopped);
  }
}

/** Oldest first. One LIST, and three GETs for each request that is new. */
async function dueRequests(
  { deps, settings: { token, targets, expireHours } }: RequestRunnerOptions,
  settled: Set<string>,
): Promise<string[]> {
  const own = new Set(targets.filter(({ run }) => run === 'serve').map(({ name }) => name));
  const recent = await recentIds(deps, (expireHours + 1) * 3_600_000);
  for (const id of settled) if (!recent.includes(id)) settled.delete(id);
  const due: string[] = [];
  for (const id of recent.reverse()) {
    if (settled.has(id)) continue;
    const found = await describeRequest(deps, id);
    const isDue =
      found?.state === 'waiting' &&
      found.asked !== undefined &&
      own.has(found.asked.target) &&
      isProven(found.asked, token);
    if (isDue) due.push(id);
    else settled.add(id);
  }
  return due;
}

async function carryOut(options: RequestRunnerOptions, id: string): Promise<void> {
  const { deps, runChild, stopped, events, settings } = options;
  events.onStarted(id);
  const end = await runChild(['restore', '--request', id, '--yes'], stopped);
  const { pid, exitCode, code, message } = end;
  const found = await describeRequest(deps, id);
  const taker = found?.start?.by;
  // Whether another command took it is not known.
  if (found?.state === 'unreadable') return events.onEnded(id, end);
  // Its end belongs to the command that took it, which may still restore.
  if (taker !== undefined && (pid === undefined || taker !== takerName(hostname(), pid)))
    return events.onTaken(id, taker);
  events.onEnded(id, end);
  // The command says it itself unless it was killed, or refused the request.
  if (found?.asked === undefined || found.end !== undefined) return;
  // Stopped before it took the request: the next server carries it out.
  if (taker === undefined && stopped.aborted) return;
  const status = taker === undefined ? 'refused' : 'failed';
  const signal = AbortSignal.timeout(END_MS_MAX);
  await endRequest(
    { ...deps, signal },
    { asked: found.asked, token: settings.token },
    {
      status,
      ...(exitCode !== undefined && { exitCode }),
      ...(code !== undefined && { code }),
      ...(message !== undefined && { message }),
    },
  );
}
