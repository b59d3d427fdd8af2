import { setTimeout as sleep } from 'node:timers/promises';
import { isStowageError, messageOf } from '../../../backup-set/base/errors.ts';
import { randomFrom } from '../../chaos/random.ts';
import { pickWeighted } from '../actions/action.ts';
import { backUp, restoreInto } from '../commands.ts';
import { expireAll, retain } from '../retention.ts';
import { type LivingSet, livingSet, rowDifferences } from '../sets.ts';
import { differences } from '../truth.ts';
import { count, note, TAG } from '../world.ts';
import { anyRows, GREENPLUM_CHANGES } from './changes.ts';
import { drop, type GreenplumWorld, seenBySegments } from './world.ts';

const SHARE_WITHOUT_CHANGE = 0.12;
const SHARE_WITH_WRITERS = 0.25;
const SHARE_TAGGED = 0.2;
const SHARE_MET = 1 / 3;
const CHANGES_MAX = 5;
/** Replicated tables. */
const isCopy = (table: string) => table.endsWith('_copies');

export interface GreenplumRunOptions {
  readonly steps: number;
  readonly restoreEvery: number;
  readonly onStep: (at: number, line: string) => Promise<void>;
}

/** As `runModel`: a change, a backup, retention. @returns the differences. */
export async function runGreenplumModel(
  world: GreenplumWorld,
  { steps, restoreEvery, onStep }: GreenplumRunOptions,
): Promise<string[]> {
  for (let at = 1; at <= steps; at += 1) {
    const begun = performance.now();
    world.steps.push((await change(world)).join(' | '));
    const found = await backUpAndCheck(world);
    found.push(...(await retain(world)));
    if (at % restoreEvery === 0 && world.living.length > 0)
      found.push(...(await restored(world, world.random.pick(world.living))));
    const ms = Math.round(performance.now() - begun);
    await onStep(at, `${world.steps.at(-1)} (${ms} ms, ${world.living.length} sets)`);
    if (found.length > 0) return found;
  }
  const found: string[] = [];
  for (const set of world.living) found.push(...(await rowDifferences(world.store, set)));
  const last = world.living.at(-1);
  if (last !== undefined) found.push(...(await restored(world, last)));
  return [...found, ...(await expireAll(world))];
}

async function change(world: GreenplumWorld): Promise<string[]> {
  const { random, meets } = world;
  if (random.chance(SHARE_WITHOUT_CHANGE)) return ['nothing'];
  const met = GREENPLUM_CHANGES.filter(({ name }) => name === meets);
  const client = await world.connect();
  const done: string[] = [];
  try {
    for (let left = 1 + random.below(CHANGES_MAX); left > 0; left -= 1) {
      const isMet = met.length > 0 && random.chance(SHARE_MET);
      const { name, sql } = pickWeighted(random, isMet ? met : GREENPLUM_CHANGES);
      const statements = sql({ random, salt: world.steps.length * 10 + left });
      const text = `${name}: ${statements.join('; ')}`;
      try {
        for (const statement of statements) await client.query(statement);
        count(world, name);
        done.push(text);
      } catch (error) {
        await client.query('ROLLBACK');
        count(world, `${name} (refused)`);
        done.push(`${text} -- refused: ${messageOf(error)}`);
      }
    }
  } finally {
    await client.end();
  }
  return done;
}

async function backUpAndCheck(world: GreenplumWorld): Promise<string[]> {
  const { random, store, living, truths } = world;
  truths.clear();
  const hasWriters = random.chance(SHARE_WITH_WRITERS);
  const writers = hasWriters ? await startWriters(world, random.below(2 ** 30)) : undefined;
  const tags = random.chance(SHARE_TAGGED) ? [TAG] : [];
  if (hasWriters) note(world, 'writers');
  try {
    const { timestamp, status, verdict, plan, witnessed } = await backUp(world.config, { tags });
    count(world, `backup ${status}`);
    if (status !== 'complete')
      return [`set ${timestamp} is ${status}: ${JSON.stringify(verdict?.problems)}`];
    note(world, `set ${timestamp} on ${plan.base?.timestamp ?? 'no base'}`);
    count(world, 'tables carried without reading', witnessed.tables - witnessed.readTables);
    for (const { reason, tables } of witnessed.reasons) count(world, `read: ${reason}`, tables);
    const all = await livingSet(store, timestamp, new Map(truths));
    const set = { ...all, truths: withoutCopies(all) };
    living.push(set);
    if (tags.length > 0) world.tagged.add(timestamp);
    return [...lostCopies(set), ...(await rowDifferences(store, set))];
  } catch (error) {
    if (!isStowageError(error, 'database/locked')) throw error;
    count(world, 'backup locked');
    return [];
  } finally {
    await writers?.stop();
  }
}

/** One segment ships the rows of a replicated table. */
function withoutCopies({ truths, tables }: LivingSet): LivingSet['truths'] {
  const isOurs = (content: number, table: string) =>
    !isCopy(table) || tables.get(content)?.has(table) === true;
  return new Map(
    [...truths].map(([content, all]) => {
      return [content, new Map([...all].filter(([table]) => isOurs(content, table)))];
    }),
  );
}

/** A replicated table that no segment ships, or several. */
function lostCopies({ timestamp, truths, tables }: LivingSet): string[] {
  const copies = new Set([...truths.values()].flatMap((all) => [...all.keys()].filter(isCopy)));
  return ['public.heap_copies', 'public.ao_copies', ...copies].flatMap((name) => {
    const times = [...tables.values()].filter((of) => of.has(name)).length;
    return times === 1 ? [] : [`set ${timestamp} has ${name} of ${times} segments`];
  });
}

/** Transactions through the coordinator until they are stopped; some are rolled back. */
async function startWriters(world: GreenplumWorld, seed: number) {
  const stop = new AbortController();
  const write = async (random: ReturnType<typeof randomFrom>) => {
    const client = await world.connect();
    for (let salt = 0; !stop.signal.aborted; salt += 1) {
      const scene = { random, salt: random.below(2 ** 20) + salt };
      try {
        for (const statement of ['BEGIN', anyRows(scene), anyRows(scene)])
          await client.query(statement);
        await sleep(random.below(40));
        await client.query(random.chance(0.8) ? 'COMMIT' : 'ROLLBACK');
      } catch {
        await client.query('ROLLBACK').catch(() => undefined);
      }
      await sleep(random.below(100));
    }
    await client.end();
  };
  const loops = [write(randomFrom(seed)), write(randomFrom(seed + 1))];
  await sleep(100);
  return {
    async stop() {
      stop.abort();
      await Promise.all(loops);
    },
  };
}

async function restored(world: GreenplumWorld, set: LivingSet): Promise<string[]> {
  const { timestamp, truths } = set;
  const database = `stowage_model_${timestamp}`;
  const what = `restore of set ${timestamp}`;
  note(world, what);
  count(world, 'restore');
  const found: string[] = [];
  try {
    const outcome = await restoreInto(world.config, timestamp, database, { globals: false });
    if (outcome.status !== 'restored')
      return [`${what}: ${outcome.status}: ${JSON.stringify(outcome.problems)}`];
    const copies = [...truths.values()].flatMap((all) => [...all].filter(([name]) => isCopy(name)));
    for (const [content, rows] of await seenBySegments(world, database)) {
      const wanted = new Map([...(truths.get(content) ?? []), ...copies]);
      found.push(...differences(rows, wanted, `${what}, ${content}`));
    }
    return found;
  } catch (error) {
    return [`${what} failed: ${messageOf(error)}`];
  } finally {
    const client = await world.connect('postgres');
    try {
      await drop(client, database);
    } finally {
      await client.end();
    }
  }
}
