import { beforeAll, describe, expect, test } from 'vitest';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { Deps } from '../../../functions/deps.ts';
import { planTask } from '../../../functions/handlers/plan-task.ts';
import { holdSet, unexpireSet } from '../../../functions/retention/hold.ts';
import { copySet } from '../../../functions/sets/copy.ts';
import { deleteSet, planDeletion } from '../../../functions/sets/delete.ts';
import { hasTaskOutcome, requestTask } from '../../../functions/tasks/tasks.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { openMemory } from '../../chaos/memory-store.ts';
import { DECIDING, stepped } from './steps.ts';
import {
  backUp,
  depsOf,
  expire,
  requestRestore,
  requireComplete,
  stateOf,
  unneeded,
} from './world.ts';

const [FIRST, SECOND, THIRD, NEW] = [
  '20260131010203',
  '20260201010203',
  '20260202010203',
  '20260203010203',
];
const RESTORE = '20260203000000000-0123abcd';
const TASK_AT = new Date('2026-02-03T00:00:00Z');

/** What runs beside an expiry. All of them want the second set, which the expiry removes. */
const OTHERS: Readonly<Record<string, (deps: Deps) => Promise<boolean>>> = {
  'a backup with the set as its base': (deps) => succeeds(backUp(deps, NEW, SECOND)),
  'a restore': (deps) => requestRestore(deps, RESTORE, SECOND),
  'a verification': async (deps) => {
    await requestTask(deps, SECOND, 'verify', TASK_AT);
    const task = `20260203000000000-${SECOND}-verify`;
    await planTask(deps, task);
    return !(await hasTaskOutcome(deps, task));
  },
  'a copy': async (deps) => {
    const copy = copySet(deps, depsOf(openMemory('s3://other')), SECOND);
    return succeeds(copy.then(({ verdict }) => expect(verdict.status).toBe('complete')));
  },
  'a hold': (deps) => succeeds(holdSet(deps, SECOND, 'audit')),
  'an unexpire': (deps) => succeeds(unexpireSet(deps, SECOND, 'audit')),
  'another expiry': (deps) => succeeds(expire(deps)),
  'a deletion': async (deps) =>
    succeeds(planDeletion(deps, SECOND).then((plan) => deleteSet(deps, plan))),
};

/** False when it was refused with an error that names the reason. */
async function succeeds(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (isStowageError(error, ...REFUSALS)) return false;
    throw error;
  }
}

const REFUSALS = [
  ...(['set/expired', 'set/not-found', 'set/in-use', 'set/held', 'usage/flag'] as const),
  ...(['set/needed', 'set/incomplete', 'storage/not-found'] as const),
];

let built: ObjectStore;

/** The second set carries all rows of the first, and the third all of these. */
beforeAll(async () => {
  built = openMemory('s3://world', { clock: () => new Date() });
  const deps = depsOf(built);
  await backUp(deps, FIRST);
  await backUp(deps, SECOND, FIRST);
  await backUp(deps, THIRD, SECOND);
});

const newWorld = () => openMemory('s3://world', { clock: () => new Date(), like: built });

class Killed extends Error {}

/**
 * Runs `main`, and `between` before its call number `at` of the store.
 * @returns false when it has fewer calls.
 */
async function interleave(
  store: ObjectStore,
  at: number,
  main: (deps: Deps) => Promise<unknown>,
  between: () => Promise<unknown>,
  counts = DECIDING,
): Promise<boolean> {
  let calls = 0;
  const seen = stepped(store, async (method, argument) => {
    if (counts(method, argument) && calls++ === at) await between();
  });
  await main(depsOf(seen));
  return calls > at;
}

/** What must hold after any race, and after the readers have ended. */
async function check(store: ObjectStore, done: { name: string; ok: boolean }): Promise<void> {
  const deps = depsOf(store);
  const whole: string[] = [];
  for (const timestamp of [SECOND, THIRD, NEW]) {
    if ((await store.head(formatKey({ kind: 'manifest', timestamp }))) === undefined) continue;
    if ((await stateOf(deps, timestamp)) === 'removing') continue;
    await requireComplete(deps, timestamp);
    whole.push(timestamp);
  }
  // The newest set is never removed.
  expect(whole).toContain(done.name.startsWith('a backup') && done.ok ? NEW : THIRD);
  const keeps = ['a hold', 'an unexpire'].includes(done.name) && done.ok;
  if (keeps) expect(await stateOf(deps, SECOND)).toBe('living');
  const reads = ['a restore', 'a verification'].includes(done.name) && done.ok;
  if (keeps || reads) await requireComplete(deps, SECOND);
  if (done.name.startsWith('a backup') && done.ok) await requireComplete(deps, NEW);
  // The readers end: the next expiry leaves nothing that is not needed.
  const ended = depsOf(store);
  for (const key of [
    formatKey({ kind: 'restore-request', restore: RESTORE }),
    formatKey({ kind: 'task-request', task: `20260203000000000-${SECOND}-verify` }),
  ])
    await store.delete([key]);
  if (!done.ok) await store.delete(await planOf(store));
  await expire(ended);
  await expire(ended);
  expect(await unneeded(ended)).toEqual([]);
}

/** The plan of a backup that was refused: it would protect its base for days. */
async function planOf(store: ObjectStore): Promise<string[]> {
  const objects = await Array.fromAsync(store.list(`sets/20260203/${NEW}/`));
  return objects.map(({ key }) => key);
}

describe.each(Object.entries(OTHERS))('%s', (name, other) => {
  test('that runs between any two steps of an expiry leaves every living set whole', async () => {
    for (let at = 0; ; at++) {
      const store = newWorld();
      let ok = false;
      const between = async () => {
        ok = await other(depsOf(store));
      };
      const isBetween = await interleave(store, at, (deps) => expire(deps), between);
      if (!isBetween) ok = await other(depsOf(store));
      await check(store, { name, ok });
      if (!isBetween) break;
    }
  });

  test('leaves every living set whole when an expiry runs between any two of its steps', async () => {
    for (let at = 0; ; at++) {
      const store = newWorld();
      let ok = false;
      const main = async (deps: Deps) => {
        ok = await other(deps);
      };
      const isBetween = await interleave(store, at, main, () => expire(depsOf(store)));
      await check(store, { name, ok });
      if (!isBetween) break;
    }
  });
});

test('an expiry that is killed at any step is continued by the next one, and no living set loses an object', async () => {
  for (let at = 0; ; at++) {
    const store = newWorld();
    const kill = () => Promise.reject(new Killed());
    const run = interleave(
      store,
      at,
      (deps) => expire(deps),
      kill,
      () => true,
    );
    const isKilled = await run.then(
      () => false,
      (error: unknown) => error instanceof Killed,
    );
    await check(store, { name: 'nothing', ok: true });
    if (!isKilled) break;
  }
});
