import { decode } from '../../backup-set/base/document.ts';
import { formatKey, type Key, parseKey } from '../../backup-set/base/keys.ts';
import { Verdict } from '../../backup-set/base/verdict.ts';
import { Outcome, RestorePlan } from '../../backup-set/documents/restore.ts';
import { contentsIn } from '../../backup-set/restore/phases.ts';
import type { Stored } from './chaos-store.ts';
import type { StagedRestore } from './staged-restore.ts';
import type { StagedSet } from './staged-set.ts';

export interface ObservedWorld {
  readonly sets: readonly StagedSet[];
  readonly restore: StagedRestore | undefined;
  readonly objects: ReadonlyMap<string, Stored>;
}

/** What must never be, looked at with every object that a function writes. @returns what is wrong about it. */
export function violationOfWrite(
  world: ObservedWorld,
  key: string,
  bytes: Uint8Array,
  before: Uint8Array | undefined,
): string | undefined {
  if (before !== undefined) return `${key} was overwritten`;
  const parsed = parseKey(key);
  if (parsed === undefined) return `${key} is no key of ours`;
  if ('restore' in parsed) {
    return parsed.restore === world.restore?.id
      ? violationOfOrder(world, parsed)
      : `${key}: nobody asked for this restore`;
  }
  if (!('timestamp' in parsed)) return `${key}: nobody asked for this task`;
  const set = world.sets.find(({ timestamp }) => timestamp === parsed.timestamp);
  if (set === undefined) return `${key}: there is no such set`;
  if (parsed.kind === 'verdict') return violationOfVerdict(set, decode(Verdict, { key, bytes }));
  const expected = set.committed.get(key) ?? set.allowed.get(key);
  if (expected === undefined) return `${key} was written for a set whose defect is: ${set.defect}`;
  if (Buffer.compare(expected, bytes) !== 0)
    return `${key} has other bytes than its documents give`;
  if (parsed.kind !== 'manifest') return undefined;
  const missing = [...set.needed, ...set.committed.keys()].find(
    (needed) => !world.objects.has(needed),
  );
  return missing && `${key} was written before ${missing} was there`;
}

function violationOfVerdict(
  { defect, inOrder, timestamp }: StagedSet,
  verdict: Verdict,
): string | undefined {
  const { level, status, problems } = verdict;
  if (defect !== 'none')
    return status === 'complete' ? `${timestamp} is ${defect}, not complete` : undefined;
  const [first] = problems;
  if (level === 'validate' && status !== 'complete')
    return `${timestamp} is sound; the verdict: ${first?.message}`;
  // Written in order, a sound set lacks nothing when its seal is there.
  if (level === 'stitch' && inOrder && first?.code !== 'overdue')
    return `${timestamp} is sound and lacks nothing; the verdict: ${first?.message}`;
  return undefined;
}

/** Orders of a phase only when every segment has answered all phases before. */
function violationOfOrder({ objects, restore }: ObservedWorld, key: Key): string | undefined {
  if (key.kind !== 'order' || restore === undefined) return undefined;
  const planKey = formatKey({ kind: 'restore-plan', restore: restore.id });
  const stored = objects.get(planKey);
  if (stored === undefined) return `an order of phase ${key.phase} was written before the plan`;
  const plan = decode(RestorePlan, { key: planKey, bytes: stored.bytes });
  for (const phase of plan.phases.slice(0, plan.phases.indexOf(key.phase))) {
    const missing = contentsIn(phase, plan).find(
      (content) =>
        !objects.has(formatKey({ kind: 'restore-receipt', restore: restore.id, phase, content })),
    );
    if (missing !== undefined)
      return `an order of phase ${key.phase} was written before content ${missing} had answered ${phase}`;
  }
  return undefined;
}

/** What must be once everything has arrived and one sweep has gone over it. */
export function violationsAtEnd({ sets, objects }: ObservedWorld): string[] {
  return sets.flatMap((set) => {
    const uncommitted = [...set.committed.keys()].filter((key) => !objects.has(key));
    if (uncommitted.length > 0)
      return [`${set.timestamp} is ${set.defect}, and not committed: ${uncommitted}`];
    const levels = set.status === 'complete' ? (['validate'] as const) : (['stitch'] as const);
    return levels.flatMap((level) => {
      const newest = newestVerdict(objects, set.timestamp, level);
      const expected = set.status === 'open' ? undefined : set.status;
      if (expected === undefined || newest?.status === expected) return [];
      return [
        `${set.timestamp} (${set.defect}) is ${expected}; its ${level} verdict says ${newest?.status}`,
      ];
    });
  });
}

function newestVerdict(
  objects: ObservedWorld['objects'],
  timestamp: string,
  level: Verdict['level'],
) {
  const key = [...objects.keys()]
    .filter((candidate) => {
      const parsed = parseKey(candidate);
      return parsed?.kind === 'verdict' && parsed.timestamp === timestamp && parsed.level === level;
    })
    .sort()
    .at(-1);
  const stored = key === undefined ? undefined : objects.get(key);
  return key === undefined || stored === undefined
    ? undefined
    : decode(Verdict, { key, bytes: stored.bytes });
}

/** How a restore must have ended; a request that came before the commit may have been refused. */
export function violationOfOutcome(
  { restore, objects }: ObservedWorld,
  told: { readonly failed: boolean; readonly early: boolean },
): string | undefined {
  if (restore === undefined) return undefined;
  const key = formatKey({ kind: 'outcome', restore: restore.id });
  const stored = objects.get(key);
  if (stored === undefined) return 'the restore has no outcome';
  const { status, problems } = decode(Outcome, { key, bytes: stored.bytes });
  const allowed: Outcome['status'][] =
    told.early || restore.of.defect !== 'none' ? ['refused'] : [];
  if (restore.of.defect === 'none') {
    if (!told.failed) allowed.push('restored');
    else allowed.push(restore.fails?.phase === 'verify' ? 'refused' : 'failed');
  }
  return allowed.includes(status)
    ? undefined
    : `the restore is ${status}, not ${allowed.join(' or ')}: ${problems[0]?.message}`;
}
