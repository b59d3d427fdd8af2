import { dateOf } from '../../backup-set/base/timestamps.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { ListedSet } from '../../functions/sets/describe-sets.ts';
import { ageText } from '../schedule/text.ts';
import type { EntryStatus, Status } from './collect.ts';
import { agentTroubles } from './heard/agents.ts';
import { noRunner } from './heard/runners.ts';

/** Something that a person should look at. */
export interface Attention {
  readonly code:
    | 'no-complete-set'
    | 'set-incomplete'
    | 'set-damaged'
    | 'unreadable'
    | 'backup-overdue'
    | 'run-failed'
    | 'run-lost'
    | 'run-overdue'
    | 'copy-missing'
    | 'copy-unknown'
    | 'drill-failed'
    | 'no-runner'
    | 'order-unknown'
    | 'agents-silent'
    | 'agent-overdue'
    | 'request-waits'
    | 'request-lost'
    | 'request-forged'
    | 'request-unproven';
  readonly message: string;
}

/** A copy begins after the check of a set, and takes its time. */
const COPY_MS = 6 * 3_600_000;
const CLAIM_MS = 600_000;

/** What needs attention, the worst first. Pure. */
export function attentionOf(status: Status): Attention[] {
  return [
    ...ofSets(status),
    ...ofUnreadable(status),
    ...ofAge(status),
    ...ofRunners(status),
    ...status.entries.flatMap((entry) => ofEntry(entry, status.now)),
    ...ofDrill(status),
    ...ofCopy(status),
    ...ofAgents(status),
    ...ofRequests(status),
  ];
}

function ofSets({ sets, complete }: Status): Attention[] {
  const bad = sets.flatMap(({ timestamp, status, verdict, database }, at): Attention[] => {
    if (status !== 'incomplete' && status !== 'damaged') return [];
    const isReplaced = sets
      .slice(0, at)
      .some((newer) => newer.database === database && newer.status === 'complete');
    if (isReplaced) return [];
    const message = `set ${timestamp} is ${status} (${verdict?.level ?? 'no'} check): stowage show ${timestamp}`;
    return [{ code: status === 'damaged' ? 'set-damaged' : 'set-incomplete', message }];
  });
  if (complete !== undefined) return bad;
  const message =
    sets.length === 0
      ? 'there is no set yet: run stowage backup'
      : `none of the newest ${plural(sets.length, 'set')} is complete`;
  return [{ code: 'no-complete-set', message }, ...bad];
}

const UNREADABLE_NAMED = 5;

/** What this look went on without: it may say anything. */
function ofUnreadable({ unreadable }: Status): Attention[] {
  const more = unreadable.length - UNREADABLE_NAMED;
  const lines = unreadable
    .slice(0, UNREADABLE_NAMED)
    .map(({ object, message }) => `${object} could not be read: ${message}`);
  return [...lines, ...(more > 0 ? [`${plural(more, 'more object')} could not be read`] : [])].map(
    (message) => ({ code: 'unreadable', message }),
  );
}

/** The newest complete set of each database that was looked at. */
function ofAge({ sets, overdueAfterMs, now }: Status): Attention[] {
  if (overdueAfterMs === undefined) return [];
  const newest = new Map<string | undefined, ListedSet>();
  for (const set of sets)
    if (set.status === 'complete' && !newest.has(set.database)) newest.set(set.database, set);
  return [...newest.values()].flatMap(({ timestamp, database }): Attention[] => {
    const ageMs = now.getTime() - dateOf(timestamp).getTime();
    if (ageMs <= overdueAfterMs) return [];
    const message = `the newest complete set of database ${database} is ${ageText(ageMs)} old (${timestamp}); announce.overdueHours expects one in ${ageText(overdueAfterMs)}: stowage backup`;
    return [{ code: 'backup-overdue', message }];
  });
}

function ofEntry({ entry, last, overdue }: EntryStatus, now: Date): Attention[] {
  const found: Attention[] = [];
  const age = (date: Date) => ageText(now.getTime() - date.getTime());
  if (last?.state === 'failed') {
    const { end } = last;
    const exit =
      end?.exitCode === undefined ? `signal ${end?.signal ?? '?'}` : `exit ${end.exitCode}`;
    const why = end?.stopped ?? end?.code;
    const message = `${entry.name} failed ${age(last.instant)} ago (${exit}${why === undefined ? '' : `, ${why}`})${end?.message === undefined ? '' : `: ${end.message}`}`;
    found.push({ code: 'run-failed', message });
  }
  if (last?.state === 'lost')
    found.push({
      code: 'run-lost',
      message: `${entry.name} began ${age(last.instant)} ago and has no end: its runner died`,
    });
  if (overdue !== undefined && last?.state !== 'running')
    found.push({
      code: 'run-overdue',
      message: `${entry.name} is overdue: due ${age(overdue)} ago, no runner started it`,
    });
  return found;
}

function ofDrill({ drill }: Status): Attention[] {
  if (drill?.status !== 'failed') return [];
  const message = `the last drill failed (set ${drill.set}): ${plural(drill.problemsTotal, 'problem')}, stowage show ${drill.set}`;
  return [{ code: 'drill-failed', message }];
}

function ofCopy({ copy, complete, now }: Status): Attention[] {
  if (copy?.trouble !== undefined)
    return [{ code: 'copy-unknown', message: `${copy.root} does not answer: ${copy.trouble}` }];
  if (copy?.hasNewest !== false || complete?.verdict === undefined) return [];
  if (now.getTime() - Date.parse(complete.verdict.at) < COPY_MS) return [];
  const message = `set ${complete.timestamp} is not at ${copy.root}`;
  return [{ code: 'copy-missing', message }];
}

/** `serve` takes the requests that it may carry out within seconds. */
function ofRequests({ requests, now }: Status): Attention[] {
  return requests.flatMap(({ id, asked, state }): Attention[] => {
    if (asked === undefined) return [];
    if (state === 'forged')
      return [
        {
          code: 'request-forged',
          message: `request ${id} was not made by the console: stowage show ${id}`,
        },
      ];
    if (state === 'unproven')
      return [
        {
          code: 'request-unproven',
          message: `another program has written what became of request ${id}: stowage show ${id}`,
        },
      ];
    if (state === 'lost')
      return [
        {
          code: 'request-lost',
          message: `the command that took request ${id} died before its restore began: stowage show ${id}`,
        },
      ];
    if (state !== 'waiting') return [];
    const age = ageText(now.getTime() - Date.parse(asked.requestedAt));
    const message = `a restore of set ${asked.timestamp} into ${asked.target} was asked for ${age} ago: stowage restore --request ${id}`;
    return [{ code: 'request-waits', message }];
  });
}

function ofRunners(status: Status): Attention[] {
  const message = noRunner(status);
  return [
    ...(message === undefined ? [] : [{ code: 'no-runner' as const, message }]),
    ...status.strangeOrders.map(({ entry, instant }): Attention => {
      const when = instant.toISOString().slice(0, 16);
      const text = `a run of ${entry} was ordered for ${when}Z, and schedule.entries has no ${entry}: no runner with this file takes it`;
      return { code: 'order-unknown', message: text };
    }),
  ];
}

function ofAgents({ agents, sets, now }: Status): Attention[] {
  if (agents === undefined) return [];
  const found = agentTroubles(agents.heard, agents.wanted, now).map(
    (message): Attention => ({ code: 'agent-overdue', message }),
  );
  const begun = sets[0] && dateOf(sets[0].timestamp).getTime();
  if (begun === undefined || now.getTime() - begun < CLAIM_MS) return found;
  const { orders = 0, claimed = 0 } = agents.newest ?? {};
  const silent = orders - claimed;
  if (silent <= 0) return found;
  const message = `${plural(silent, 'order')} of ${orders} of set ${sets[0]?.timestamp} had no agent`;
  return [...found, { code: 'agents-silent', message }];
}
