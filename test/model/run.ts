import { isStowageError, messageOf } from '../../backup-set/base/errors.ts';
import type { WantedBase } from '../../cli/backup/base/choose.ts';
import { backUp, restoreInto } from './commands.ts';
import { expireAll, retain } from './retention.ts';
import { type LivingSet, livingSet, rowDifferences } from './sets.ts';
import { change, openTransaction, prepareOne } from './steps.ts';
import { differences } from './truth.ts';
import { count, note, seenBy, TAG, type World } from './world.ts';
import { startWriters } from './writers.ts';

const SHARE_WITH_WRITERS = 0.2;
const SHARE_PREPARED = 0.06;
const SHARE_OPEN = 0.1;
const PREPARED_MS_MAX = 500;
const SHARE_TAGGED = 0.2;
/** Small tables have several ranges; now and then another size. */
const RANGE_BLOCKS = [2, 2, 2, 2, 2, 2, 2, 2, 2, 3] as const;

export interface RunOptions {
  readonly steps: number;
  /** A set is restored after each so many steps. */
  readonly restoreEvery: number;
  /** False: the sets that live at the end are read, and not restored. */
  readonly restoresAtEnd?: boolean;
  readonly onStep?: (at: number, line: string) => void | Promise<void>;
}

/** Takes the steps. @returns the differences after the first step that has any, or at the end. */
export async function runModel(world: World, options: RunOptions): Promise<string[]> {
  for (let at = 1; at <= options.steps; at += 1) {
    const begun = performance.now();
    const did = await change(world);
    world.steps.push(did.join(' | '));
    const found = await backUpAndCheck(world);
    found.push(...(await retain(world)));
    if (at % options.restoreEvery === 0 && world.living.length > 0)
      found.push(...(await restored(world, world.random.pick(world.living))));
    const ms = Math.round(performance.now() - begun);
    await options.onStep?.(at, `${world.steps.at(-1)} (${ms} ms, ${world.living.length} sets)`);
    if (found.length > 0) return found;
  }
  const found: string[] = [];
  for (const set of world.living) {
    found.push(...(await rowDifferences(world.store, set)));
    if (options.restoresAtEnd !== false) found.push(...(await restored(world, set)));
  }
  return [...found, ...(await expireAll(world))];
}

async function backUpAndCheck(world: World): Promise<string[]> {
  const { random, store, living } = world;
  world.truths.clear();
  const isAlone = world.followUp !== undefined;
  const chance = (share: number) => !isAlone && random.chance(share);
  const writers = chance(SHARE_WITH_WRITERS)
    ? await startWriters(world.servers, random.below(2 ** 30))
    : undefined;
  const waiting = chance(SHARE_PREPARED) ? await prepareOne(world) : undefined;
  const open = chance(SHARE_OPEN) ? await openTransaction(world) : undefined;
  const ended = waiting?.end(random.below(PREPARED_MS_MAX));
  const base = isAlone ? 'newest' : baseFor(world);
  const tags = random.chance(SHARE_TAGGED) ? [TAG] : [];
  const how = [writers && 'writers', waiting && 'prepared', open && 'open transaction'];
  note(world, [...how.filter((word) => word !== undefined), describeBase(base)].join(', '));
  try {
    const result = await backUp(world.config, {
      base,
      tags,
      rangeBlocks: random.pick(RANGE_BLOCKS),
    });
    const { timestamp, status, verdict, plan, tally, witnessed } = result;
    count(world, `backup ${status}`);
    if (status !== 'complete')
      return [`set ${timestamp} is ${status}: ${JSON.stringify(verdict?.problems)}`];
    note(world, `set ${timestamp} on ${plan.base?.timestamp ?? 'no base'}`);
    for (const { carriedBytes, bytes } of tally.contents.values()) {
      count(world, 'bytes carried', carriedBytes);
      count(world, 'bytes in all', bytes);
    }
    count(world, 'tables carried without reading', witnessed.tables - witnessed.readTables);
    count(world, 'tables read in part', witnessed.partTables);
    for (const { reason, tables } of witnessed.reasons) count(world, `read: ${reason}`, tables);
    const set = await livingSet(store, timestamp, new Map(world.truths));
    living.push(set);
    if (tags.length > 0) world.tagged.add(timestamp);
    return await rowDifferences(store, set);
  } catch (error) {
    // The barrier gives up while other sessions hold their locks.
    if (!isStowageError(error, 'database/locked')) throw error;
    count(world, 'backup locked');
    return [];
  } finally {
    await writers?.stop();
    await ended;
    await open?.end();
  }
}

function baseFor({ random, living }: World): WantedBase {
  if (random.chance(0.03)) return 'none';
  if (living.length === 0 || !random.chance(0.1)) return 'newest';
  return { timestamp: random.pick(living).timestamp };
}

const describeBase = (base: WantedBase) =>
  typeof base === 'string' ? `base ${base}` : `base ${base.timestamp}`;

/** Restores a set into new databases, and compares their rows with those of its snapshot. */
async function restored(world: World, set: LivingSet): Promise<string[]> {
  const { timestamp, truths } = set;
  const database = `again_${timestamp}`;
  const what = `restore of set ${timestamp}`;
  note(world, what);
  count(world, 'restore');
  const found: string[] = [];
  try {
    const outcome = await restoreInto(world.config, timestamp, database);
    if (outcome.status !== 'restored')
      return [`${what}: ${outcome.status}: ${JSON.stringify(outcome.problems)}`];
    for (const [content, server] of world.servers.entries()) {
      const rows = await seenBy(server, database);
      const wanted = truths.get(content) ?? new Map();
      found.push(...differences(rows, wanted, `${what} content ${content}`));
    }
    return found;
  } catch (error) {
    return [`${what} failed: ${messageOf(error)}`];
  } finally {
    for (const server of world.servers)
      await server.sql('postgres', `DROP DATABASE IF EXISTS ${database} (FORCE)`);
  }
}
