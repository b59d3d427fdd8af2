import { RetentionRules } from '../../../backup-set/retention/rules.ts';
import type { Deps } from '../../../functions/deps.ts';
import { runExpiry } from '../../../functions/retention/expire.ts';
import { releaseSet } from '../../../functions/retention/hold.ts';
import { removeLeftovers } from '../../../functions/retention/leftovers.ts';
import { planExpiry } from '../../../functions/retention/plan.ts';
import { sweep } from '../../../functions/sweep/sweep.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { quiet } from '../../model/commands.ts';
import { failureOf, stowage } from '../../support/cli.ts';
import { unneededObjects } from '../../support/retention/unneeded.ts';
import { judge, look, readAll, restoredRows, type Seen } from './judge.ts';
import { type PlannedCommand, planRound } from './plan.ts';
import { type Ended, runCommand } from './run-command.ts';
import { changeRows, configOf, count, type KilledWorld, rowsNow, settle } from './world.ts';

const DAY_MS = 86_400_000;
/** Failed sets, requests and uploads are then old. */
const LATER_MS = 40 * DAY_MS;
const SHARE_LATER = 0.06;

export interface KilledOptions {
  /** Rounds go on until so many processes were killed. */
  readonly kills: number;
  readonly onRound?: (line: string) => void;
}

/** Lives the life of a root. @returns what is wrong, after the first round that has anything. */
export async function runKilled(world: KilledWorld, options: KilledOptions): Promise<string[]> {
  let seen: Seen = await look(world.store);
  for (let round = 1; killsOf(world) < options.kills; round += 1) {
    const begun = performance.now();
    const { ended, findings } = await runRound(world, seen);
    if (world.random.chance(SHARE_LATER)) {
      await expireLater(world.store);
      count(world, 'months passed');
    }
    const judged = await judge(world, seen, ended);
    seen = judged.after;
    findings.push(...judged.findings);
    const did = ended.map(lineOf).join(' | ');
    const ms = Math.round(performance.now() - begun);
    options.onRound?.(
      `${round}: ${did} (${ms} ms, ${seen.complete.length} of ${seen.sets.length} sets, ${killsOf(world)} kills)`,
    );
    if (findings.length > 0) return findings;
  }
  return runToTheEnd(world);
}

const killsOf = ({ counts }: KilledWorld) => counts.get('killed') ?? 0;

function lineOf({ planned, args, killed, result }: Ended): string {
  const code = result?.json?.error?.code;
  const how = killed ? 'killed' : `${result?.code}${code ? ` ${code}` : ''}`;
  return `${args.join(' ')}${planned.name === 'expire' ? ` (${planned.keepLast}, ${planned.graceHours} h)` : ''}: ${how}`;
}

async function runRound(world: KilledWorld, seen: Seen) {
  const { random, store, truths, held, deleted, proxies } = world;
  await changeRows(world);
  const commands = planRound(random, proxies.length > 0);
  const named = commands.map((planned) => setOf(planned, seen));
  const now = await rowsNow(world);
  for (const [slot, { name }] of commands.entries()) {
    const timestamp = named[slot];
    if (timestamp === undefined) continue;
    // What may release a set has perhaps done so, also when it was killed.
    if (name === 'release' || name === 'delete') held.delete(timestamp);
    if (name === 'delete') deleted.add(timestamp);
  }
  const ended = await Promise.all(
    commands.map((planned, slot) => runCommand(world, planned, slot, named[slot])),
  );
  const findings: string[] = [];
  for (const [slot, { planned, timestamp, killed, result }] of ended.entries()) {
    count(world, `${planned.name} ${killed ? 'killed' : `exit ${result?.code}`}`);
    if (killed) count(world, 'killed');
    if (killed || result?.code !== 0 || timestamp === undefined) continue;
    const isReleased = ended.some(
      (one) => one.timestamp === timestamp && ['release', 'delete'].includes(one.planned.name),
    );
    if (['hold', 'unexpire'].includes(planned.name) && !isReleased) held.add(timestamp);
    if (planned.name === 'restore')
      findings.push(...(await restoredRows(world, timestamp, `target_${slot}`)));
  }
  await settle(world);
  // The rows changed before the round only, and a round has one backup.
  for (const timestamp of (await look(store)).sets)
    if (!truths.has(timestamp)) truths.set(timestamp, now);
  return { ended, findings };
}

/** The set that a command names. A backup and an expiry name none. */
function setOf({ name, set }: PlannedCommand, { complete }: Seen): string | undefined {
  if (name === 'backup' || name === 'expire' || name === 'sweep') return undefined;
  return complete[Math.floor(set * complete.length)];
}

/** The functions on a root many days later. */
async function expireLater(store: ObjectStore): Promise<void> {
  const later = new Date(Date.now() + LATER_MS);
  const depsAt = (time: Date): Deps => ({
    store: { ...store, now: () => Promise.resolve(time) },
    clock: () => time,
    log: quiet,
  });
  const deps = depsAt(later);
  const rules = RetentionRules.parse({ keepLast: 3, graceHours: 0, keepFailed: '1h' });
  // What the sweep judges must be old for the expiry.
  await sweep(depsAt(new Date(later.getTime() - DAY_MS)));
  await runExpiry(deps, rules, await planExpiry(deps, rules));
  await removeLeftovers(deps, rules);
}

async function runToTheEnd(world: KilledWorld): Promise<string[]> {
  const { store, copied, held } = world;
  const deps: Deps = { store, clock: () => new Date(), log: quiet };
  for (const timestamp of held) await releaseSet(deps, timestamp);
  const findings: string[] = [];
  for (const each of [store, copied]) {
    for (let times = 0; times < 3; times += 1) await expireLater(each);
    for (const key of await unneededObjects(each))
      findings.push(`nothing needs ${each.url} ${key}`);
    for (const prefix of ['restores/', 'tasks/'])
      for await (const { key } of each.list(prefix)) findings.push(`${each.url} still has ${key}`);
    for await (const { key } of each.pendingUploads(''))
      findings.push(`${each.url} still has an upload of ${key}`);
  }
  const left = await look(store);
  for (const timestamp of left.complete) {
    findings.push(...(await readAll(world, store, timestamp)));
    findings.push(...(await proveByCommands(world, timestamp)));
  }
  return findings;
}

/** `stowage validate` and `stowage restore` of a set that lives at the end. */
async function proveByCommands(world: KilledWorld, timestamp: string): Promise<string[]> {
  const planned = { keepLast: 1, graceHours: 0 } as PlannedCommand;
  const options = { config: await configOf(world, planned, 0), env: world.place.env };
  const validated = failureOf(await stowage(['validate', timestamp], options));
  const restore = ['restore', timestamp, '--create', '--database', 'at_the_end'];
  const restored = failureOf(await stowage(restore, options));
  const found = [validated, restored].filter((failure) => failure !== undefined);
  if (restored === undefined) found.push(...(await restoredRows(world, timestamp, 'at_the_end')));
  await settle(world);
  return found;
}
