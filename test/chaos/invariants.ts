import { decode } from '../../backup-set/base/document.ts';
import { formatKey, type Key, parseKey } from '../../backup-set/base/keys.ts';
import { Verdict } from '../../backup-set/base/verdict.ts';
import { Outcome, RestorePlan } from '../../backup-set/documents/restore/restore.ts';
import { contentsIn } from '../../backup-set/restore/phases.ts';
import type { Stored } from './chaos-store.ts';
import type { StagedRestore } from './staged-restore.ts';
import type { StagedSet } from './staged-set.ts';

export interface ObservedWorld {
  readonly sets: readonly StagedSet[];
  readonly restore: StagedRestore | undefined;
  readonly objects: ReadonlyMap<string, Stored>;
}

/** Checks an object that a function has written. @returns the violated rule, or undefined. */
export function violationOfWrite(
  world: ObservedWorld,
  key: string,
  bytes: Uint8Array,
  before: Uint8Array | undefined,
): string | undefined {
  if (before !== undefined) return `${key} was overwritten`;
  const parsed = parseKey(key);
  if (parsed === undefined) return `${key} is not a valid key`;
  if ('restore' in parsed) {
    return parsed.restore === world.restore?.id
      ? violationOfOrder(world, parsed)
      : `${key}: this restore was not requested`;
  }
  if (!('timestamp' in parsed)) return `${key}: this task was not requested`;
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
    return status === 'complete'
      ? `${timestamp} has defect ${defect}, but its verdict is complete`
      : undefined;
  const [first] = problems;
  if (level === 'validate' && status !== 'complete')
    return `${timestamp} has no defect, but its verdict says: ${first?.message}`;
  // A set without defect that arrives in order is complete when its seal is stored.
  if (level === 'stitch' && inOrder && first?.code !== 'overdue')
    return `${timestamp} has no defect and is complete, but its verdict says: ${first?.message}`;
  return undefined;
}

/** Orders of a phase may be written only after all segments have answered all earlier phases. */
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

/** Checks the world after everything has arrived and one sweep has run. */
export function violationsAtEnd({ sets, objects }: ObservedWorld): string[] {
  return sets.flatMap((set) => {
    const uncommitted = [...set.committed.keys()].filter((key) => !objects.has(key));
    if (uncommitted.length > 0)
      return [`${set.timestamp} (defect ${set.defect}) is not committed: ${uncommitted}`];
    const levels = set.status === 'complete' ? (['validate'] as const) : (['stitch'] as const);
    return levels.flatMap((level) => {
      const newest = newestVerdict(objects, set.timestamp, level);
      const expected = set.status === 'open' ? undefined : set.status;
      if (expected === undefined || newest?.status === expected) return [];
      return [
        `${set.timestamp} (defect ${set.defect}) is ${expected}; its ${level} verdict says ${newest?.status}`,
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

/** Checks the outcome of a restore. A request that arrived before the commit may be refused. */
export function violationOfOutcome(
  { restore, objects }: ObservedWorld,
  facts: { readonly failed: boolean; readonly early: boolean },
): string | undefined {
  if (restore === undefined) return undefined;
  const key = formatKey({ kind: 'outcome', restore: restore.id });
  const stored = objects.get(key);
  if (stored === undefined) return 'the restore has no outcome';
  const { status, problems } = decode(Outcome, { key, bytes: stored.bytes });
  const allowed: Outcome['status'][] =
    facts.early || restore.of.defect !== 'none' ? ['refused'] : [];
  if (restore.of.defect === 'none') {
    if (!facts.failed) allowed.push('restored');
    else allowed.push(restore.fails?.phase === 'verify' ? 'refused' : 'failed');
  }
  return allowed.includes(status)
    ? undefined
    : `the restore is ${status} instead of ${allowed.join(' or ')}: ${problems[0]?.message}`;
}
