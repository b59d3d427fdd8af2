import type { Logger } from 'pino';
import { dateOf } from '../../../../backup-set/base/timestamps.ts';
import type { RestoreChoice } from '../../../../backup-set/documents/restore/asked.ts';
import type { Deps } from '../../../deps.ts';
import {
  createRequest,
  describeRequests,
  type RequestSummary,
  recentIds,
  shownState,
} from '../../../requests/requests.ts';
import { type RequestTarget, targetProblem } from '../../../requests/targets.ts';
import { isSecret } from '../../authorization.ts';
import type { ConsoleRequest, Requests } from '../api.ts';
import { BadRequest } from '../http/answer.ts';
import { lookedAtOnce } from '../sets/looked-at-once.ts';
import type { RootView } from '../sets/root-view.ts';

/** What `serve` needs to let the page ask for restores. */
export interface RequestSettings {
  readonly token: string;
  readonly expireHours: number;
  readonly targets: readonly RequestTarget[];
}

/** Takes requests from the page: the only part of the console that writes. */
export type RequestDesk = ReturnType<typeof requestDesk>;

const SHOWN_MAX = 30;
/** A page polls every few seconds, and several pages share one look at the store. */
const LOOK_MS = 2_500;
/** Also wrong tokens: what this limits is objects in the bucket, and lines in the log. */
const TRIES_MAX = 10;
const TRIES_MS = 60_000;
/** A thief of both tokens must not fill the bucket. */
const RECENT_MAX = 200;

/** @param view of the root of `serve`: requests for other roots are not taken. */
export function requestDesk(
  deps: Deps,
  view: Pick<RootView, 'openSet'>,
  { token, expireHours, targets }: RequestSettings,
  log: Logger,
) {
  const expireMs = expireHours * 3_600_000;
  let tries: number[] = [];
  const look = lookedAtOnce(async (): Promise<Requests> => {
    const found = await describeRequests(deps, SHOWN_MAX);
    return { targets, expireHours, requests: found.map((one) => shown(one, token)) };
  }, LOOK_MS);

  /** @throws BadRequest when too many were made in the last minute. */
  const countTry = () => {
    const now = deps.clock().getTime();
    tries = tries.filter((at) => now - at < TRIES_MS);
    if (tries.length >= TRIES_MAX)
      throw new BadRequest(429, `at most ${TRIES_MAX} requests a minute: wait`);
    tries.push(now);
  };

  return {
    list: look,
    /** @throws BadRequest when the token is wrong, or there were too many tries. */
    requireToken(presented: string | undefined, by: string): void {
      countTry();
      if (presented !== undefined && isSecret(presented, token)) return;
      log.warn({ by }, 'console: a request for a restore was rejected: its token is wrong');
      throw new BadRequest(403, 'the token of requests is missing or wrong');
    },
    /** Writes a request. @throws BadRequest when it does not fit. */
    async ask(choice: RestoreChoice, by: string): Promise<{ readonly id: string }> {
      const { answer } = await view.openSet(choice.timestamp);
      if (answer.manifestSha256 !== choice.manifestSha256)
        throw new BadRequest(409, `set ${choice.timestamp} has changed: load the page again`);
      const problem = targetProblem(choice, targets, answer.database);
      if (problem !== undefined) throw new BadRequest(403, problem);
      if ((await recentIds(deps, expireMs)).length >= RECENT_MAX)
        throw new BadRequest(429, `${RECENT_MAX} requests were made in the last ${expireHours} h`);
      const { id, timestamp, target } = await createRequest(deps, { choice, by, token, expireMs });
      log.info(
        { id, set: timestamp, target, by },
        `console: a restore of set ${timestamp} into ${target} was requested by ${by} (${id})`,
      );
      return { id };
    },
  };
}

function shown(found: RequestSummary, token: string): ConsoleRequest {
  const { id, state, asked, start, end } = found;
  if (asked === undefined) return { id, state, requestedAt: timeOf(id) };
  const shownAs = shownState(found, token);
  const isOwnRun = shownAs !== 'unproven';
  const { requestedAt, by, timestamp: set, target, database, mode, tables } = asked;
  return {
    id,
    state: shownAs,
    ...{ requestedAt, by, set, target, mode, tables: tables.length },
    ...(database !== undefined && { database }),
    ...(isOwnRun && start !== undefined && { takenBy: start.by }),
    ...(isOwnRun && end?.message !== undefined && { message: end.message }),
  };
}

const timeOf = (id: string) => dateOf(id.slice(0, 17)).toISOString();
