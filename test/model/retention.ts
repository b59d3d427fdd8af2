import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseKey, SETS } from '../../backup-set/base/keys.ts';
import { RetentionRules } from '../../backup-set/retention/rules.ts';
import type { Deps } from '../../functions/deps.ts';
import { runExpiry } from '../../functions/retention/expire.ts';
import { holdSet, releaseSet, unexpireSet } from '../../functions/retention/hold.ts';
import { planExpiry } from '../../functions/retention/plan.ts';
import { deleteSet, planDeletion } from '../../functions/sets/delete.ts';
import { unneededObjects } from '../support/retention/unneeded.ts';
import { pickWeighted } from './actions/action.ts';
import { quiet } from './commands.ts';
import { type LivingSet, missingObjects } from './sets.ts';
import { count, type ModelRoot, note, TAG } from './world.ts';

/** With more sets, the next expiry keeps few. */
const LIVING_MAX = 10;
const HOURS_MAX = 30;
const GRACE_HOURS = [0, 12, 24] as const;

const ACTS = [
  { weight: 40, run: () => Promise.resolve([]) },
  { weight: 30, run: (world: ModelRoot) => expire(world) },
  { weight: 10, run: remove },
  { weight: 7, run: hold },
  { weight: 7, run: release },
  { weight: 6, run: unexpire },
];

/** Random retention after a backup. @returns what differs from what the rules say. */
export async function retain(world: ModelRoot): Promise<string[]> {
  const { random, living, expired, store } = world;
  // The next change needs this set as its base.
  if (world.followUp !== undefined) return [];
  if (random.chance(0.5)) await passTime(world, random.below(HOURS_MAX * 10) / 10 + 0.05);
  const isFull = living.length > LIVING_MAX;
  const found = isFull ? await expire(world, 3) : await pickWeighted(random, ACTS).run(world);
  const all = [...living, ...[...expired.values()].map(({ set }) => set)];
  return [...found, ...(await missingObjects(store, all))];
}

/** After the grace of all sets but the newest, nothing is stored that it does not need. */
export async function expireAll(world: ModelRoot): Promise<string[]> {
  for (const timestamp of [...world.held]) await releaseOne(world, timestamp);
  const found = await expire(world, 1);
  await passTime(world, 100);
  found.push(...(await expire(world, 1)));
  const unneeded = await unneededObjects(world.store);
  return [...found, ...unneeded.map((key) => `no set needs ${key}, and it was not removed`)];
}

const depsOf = ({ store }: ModelRoot): Deps => ({ store, clock: () => new Date(), log: quiet });

/** Makes all marks older: their age counts by the times of their files. */
async function passTime(world: ModelRoot, hours: number): Promise<void> {
  const { store, expired } = world;
  const root = fileURLToPath(store.url);
  for await (const { key, modifiedAt } of store.list(SETS)) {
    if (parseKey(key)?.kind !== 'retention') continue;
    const before = new Date(modifiedAt.getTime() - hours * 3_600_000);
    await utimes(join(root, key), before, before);
  }
  for (const one of expired.values()) one.hours += hours;
}

/** `stowage expire --yes`, and the same by the model. */
async function expire(world: ModelRoot, keepMax = 8): Promise<string[]> {
  const { random, living, expired, held, tagged, removed } = world;
  const [keepLast, ofTag] = [1 + random.below(keepMax), 1 + random.below(3)];
  const graceHours = random.pick(GRACE_HOURS);
  const tags = { [TAG]: { keepLast: ofTag } };
  const rules = RetentionRules.parse({ keepLast, graceHours, tags });
  const newestFirst = living
    .map(({ timestamp }) => timestamp)
    .toSorted()
    .toReversed();
  const kept = new Set([
    ...newestFirst.slice(0, keepLast),
    ...newestFirst.filter((timestamp) => tagged.has(timestamp)).slice(0, ofTag),
    ...held,
  ]);
  const going = newestFirst.filter((timestamp) => !kept.has(timestamp));
  const deps = depsOf(world);
  const report = await runExpiry(deps, rules, await planExpiry(deps, rules));
  for (const timestamp of going) {
    const set = take(living, timestamp);
    if (set !== undefined) expired.set(timestamp, { set, hours: 0 });
  }
  const over = [...expired].filter(([, { hours }]) => hours >= graceHours).map(([name]) => name);
  for (const timestamp of over) {
    expired.delete(timestamp);
    removed.add(timestamp);
  }
  count(world, 'set expired', going.length);
  count(world, 'set removed', over.length);
  note(world, `expiry keeps ${[...kept].length}, expires ${going.length}, removes ${over.length}`);
  const gone = report.removed.map(({ timestamp }) => timestamp);
  return [
    ...differ('expired', report.expired, going),
    ...differ(
      'removed',
      gone.filter((timestamp) => !removed.has(timestamp) || over.includes(timestamp)),
      over,
    ),
  ];
}

/** `stowage delete`: of a set that others need only by force, and their packs stay. */
async function remove(world: ModelRoot): Promise<string[]> {
  const { random, living, held, removed } = world;
  if (living.length < 3) return [];
  const { timestamp } = random.pick(living);
  const plan = await planDeletion(depsOf(world), timestamp);
  const codes = plan.refusals.map(({ code }) => code);
  const isHeld = held.has(timestamp);
  if (codes.includes('set/held') !== isHeld) return [`delete of ${timestamp}: ${codes.join(', ')}`];
  if (isHeld || (codes.length > 0 && random.chance(0.5))) return [];
  await deleteSet(depsOf(world), plan, { force: codes.length > 0 });
  take(living, timestamp);
  removed.add(timestamp);
  count(world, codes.length > 0 ? 'set deleted by force' : 'set deleted');
  note(world, `deleted ${timestamp}${codes.length > 0 ? ` by force: ${codes.join(', ')}` : ''}`);
  return [];
}

async function hold(world: ModelRoot): Promise<string[]> {
  const { random, living, held } = world;
  if (living.length === 0) return [];
  const { timestamp } = random.pick(living);
  await holdSet(depsOf(world), timestamp, 'the model');
  held.add(timestamp);
  count(world, 'set held');
  note(world, `held ${timestamp}`);
  return [];
}

async function release(world: ModelRoot): Promise<string[]> {
  const { random, held } = world;
  if (held.size > 0) await releaseOne(world, random.pick([...held]));
  return [];
}

async function releaseOne(world: ModelRoot, timestamp: string): Promise<void> {
  await releaseSet(depsOf(world), timestamp);
  world.held.delete(timestamp);
  count(world, 'set released');
  note(world, `released ${timestamp}`);
}

/** An expired set lives again, and is held. */
async function unexpire(world: ModelRoot): Promise<string[]> {
  const { random, living, expired, held } = world;
  if (expired.size === 0) return [];
  const [timestamp, { set }] = random.pick([...expired]);
  await unexpireSet(depsOf(world), timestamp, 'the model');
  expired.delete(timestamp);
  living.push(set);
  held.add(timestamp);
  count(world, 'set unexpired');
  note(world, `unexpired ${timestamp}`);
  return [];
}

function take(sets: LivingSet[], timestamp: string): LivingSet | undefined {
  const at = sets.findIndex((set) => set.timestamp === timestamp);
  return at === -1 ? undefined : sets.splice(at, 1)[0];
}

function differ(what: string, found: readonly string[], wanted: readonly string[]): string[] {
  const [is, should] = [found, wanted].map((list) => [...list].sort().join(' '));
  return is === should ? [] : [`expiry has ${what} [${is}], and by the rules it is [${should}]`];
}
