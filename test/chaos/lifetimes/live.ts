import { sweep } from '../../../functions/sweep/sweep.ts';
import { backUp } from './backup.ts';
import { completeSets } from './invariants.ts';
import { copy, restore } from './readers.ts';
import { expire, hold, leftovers, release, remove } from './retention.ts';
import { type Lifetime, type LifetimeOptions, newLifetime } from './world.ts';

const TURNS = 60;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const STEPS_MAX = 60_000;
const RUNNING_MAX = 4;

/**
 * Lives one lifetime: programs run side by side, in random order, and die at any step. Then without
 * faults: after the next expiries nothing is left that no living set needs.
 * @throws Error that names the seed, the violated rule and the last events
 */
export async function live(seed: number, options: LifetimeOptions = {}) {
  const life = newLifetime(seed, options);
  try {
    await runWithFaults(life);
    await runToTheEnd(life);
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    const trace = life.trace.join('\n');
    throw new Error(`STOWAGE_CHAOS_SEED=${seed}: ${what}\n${trace}`, { cause: error });
  }
  return { seed, counts: life.counts };
}

async function runWithFaults(life: Lifetime): Promise<void> {
  const { random } = life;
  let running = 0;
  let backups = 0;
  for (let turn = 0; turn < TURNS; ) {
    if (running < RUNNING_MAX && random.chance(0.05)) {
      turn += 1;
      life.now += random.below(random.chance(0.3) ? 20 * HOUR_MS : 10_000);
      changeRows(life);
      // Of one database at a time: a second backup would wait for the locks of the first.
      const isBackup = backups === 0 && random.chance(0.35);
      if (isBackup) backups += 1;
      running += 1;
      void (isBackup ? life.start('backup', (deps) => backUp(life, deps)) : startOther(life)).then(
        () => {
          running -= 1;
          if (isBackup) backups -= 1;
        },
      );
    }
    await step(life);
  }
  while (running > 0) await step(life);
}

function startOther(life: Lifetime) {
  const { random, objects } = life;
  const sets = completeSets(objects);
  const timestamp = random.pick(sets.length === 0 ? [...ANY] : sets);
  const programs = [
    () => life.start('expire', (deps) => expire(life, deps)),
    () => life.start('expire', (deps) => expire(life, deps)),
    () => life.start('delete', (deps) => remove(deps, timestamp)),
    () => life.start('restore', (deps) => restore(life, deps, timestamp)),
    () => life.start('copy', (deps, task) => copy(life, deps, task, timestamp)),
    () => life.start('hold', (deps) => hold(life, deps, timestamp)),
    () => life.start('release', (deps) => release(life, deps, timestamp)),
    () => life.start('sweep', (deps) => sweep(deps)),
  ];
  return random.pick(programs)();
}

/** No set has this timestamp. */
const ANY = ['20200101000000'];

function changeRows({ random, versions }: Lifetime): void {
  for (const content of versions)
    for (const half of content.keys()) if (random.chance(0.2)) content[half] = random.below(1000);
}

async function runToTheEnd(life: Lifetime): Promise<void> {
  life.faultsEnabled = false;
  for (const timestamp of life.held) await run(life, 'release', timestamp);
  for (let times = 0; times < 4; times += 1) {
    life.now += 31 * DAY_MS;
    await run(life, 'sweep');
    await run(life, 'expire');
  }
  const left = leftovers(life.objects);
  if (left.length > 0) throw new Error(`nothing needs these objects: ${left.join(', ')}`);
}

async function run(life: Lifetime, what: 'sweep' | 'expire' | 'release', timestamp = '') {
  let isOver = false;
  const ended = life
    .start(what, (deps) => {
      if (what === 'sweep') return sweep(deps);
      return what === 'expire' ? expire(life, deps) : release(life, deps, timestamp);
    })
    .then((end) => {
      isOver = true;
      if (end !== 'done') throw new Error(`${what} without faults ${end}`);
    });
  ended.catch(() => undefined);
  while (!isOver) await step(life);
  await ended;
}

async function step(life: Lifetime): Promise<void> {
  await life.scheduler.settle();
  if (life.scheduler.waiting() > 0) {
    life.now += life.random.below(50);
    await life.scheduler.advance();
    await life.scheduler.settle();
  }
  life.count('steps');
  if ((life.counts['steps'] ?? 0) > STEPS_MAX) throw new Error('the programs do not end');
  const [violation] = life.violations;
  if (violation !== undefined) throw new Error(violation);
}
