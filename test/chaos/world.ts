import pino from 'pino';
import { formatKey, RESTORES } from '../../backup-set/base/keys.ts';
import type { Deps } from '../../functions/deps.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { type ChaosStore, chaosStore } from './chaos-store.ts';
import { bodyFor, ROOT_URL } from './deliveries.ts';
import { violationOfWrite } from './invariants.ts';
import { openMemory } from './memory-store.ts';
import { type Random, randomFrom } from './random.ts';
import { type Fault, newTask, type Scheduler, scheduler, type Task } from './scheduler.ts';
import { receiptFor, type StagedRestore, stagedRestore } from './staged-restore.ts';
import { type StagedSet, stagedSet, type Write } from './staged-set.ts';

/** The state of one simulated world, and the functions that change it. */
export interface World {
  readonly random: Random;
  readonly sets: readonly StagedSet[];
  readonly restore: StagedRestore | undefined;
  readonly store: ChaosStore;
  readonly objects: ChaosStore['objects'];
  readonly scheduler: Scheduler;
  /** Notifications that are not delivered yet. */
  readonly bodies: string[];
  /** False: no faults and no notifications any more. */
  faultsEnabled: boolean;
  now: number;
  readonly violations: string[];
  /** The last events, for the message of a failure. */
  readonly trace: string[];
  readonly counts: {
    steps: number;
    tasks: number;
    faults: number;
    deliveries: number;
    writes: number;
  };
  note(what: string): void;
  announce(key: string): void;
  arrive(write: Write, modifiedAt: Date): Promise<void>;
  /** Runs a function as a new task. `ended` resolves with how it ended. */
  start(name: string, run: (deps: Deps) => Promise<unknown>): { task: Task; ended: Promise<Ended> };
}

export type Ended = 'done' | 'failed' | 'died';

const BEGIN = Date.parse('2026-01-31T12:00:00.000Z');
const TRACE_MAX = 80;
const log = pino({ level: 'silent' });

export interface WorldOptions {
  /** The store that holds the objects. Default: in memory. */
  readonly inner?: ObjectStore;
  /** Wraps the store of the functions. */
  readonly wrap?: (store: ObjectStore, task: Task) => ObjectStore;
}

export function newWorld(seed: number, options: WorldOptions = {}): World {
  const random = randomFrom(seed);
  const sets = Array.from({ length: 1 + random.below(3) }, (_, at) =>
    stagedSet(random, `2026013112000${at}`, at === 0),
  );
  const restore = random.chance(0.5) ? stagedRestore(random, random.pick(sets)) : undefined;
  const delivery = {
    faults: random.pick([0, 0, 0.01, 0.05, 0.2]),
    lost: random.pick([0, 0.1, 0.5, 1]),
    again: random.pick([0, 0.3, 0.9]),
    corrupt: random.pick([0, 0.1, 0.5]),
  };

  const faultOf = (task: Task, isWrite: boolean): Fault | undefined => {
    if (!world.faultsEnabled || !random.chance(delivery.faults * (isWrite ? 3 : 1)))
      return undefined;
    const fault: Fault = random.pick(isWrite ? OF_WRITES : OF_READS);
    world.counts.faults += 1;
    world.note(`${task.name} ${fault}`);
    return fault;
  };
  const schedule = scheduler(random, faultOf);
  const store = chaosStore({
    inner: options.inner ?? openMemory(ROOT_URL),
    url: ROOT_URL,
    scheduler: schedule,
    random,
    now: () => new Date(world.now),
    onWrite(key, bytes, before) {
      world.counts.writes += 1;
      world.note(`written: ${key}`);
      const wrong = violationOfWrite(world, key, bytes, before);
      if (wrong !== undefined) world.violations.push(wrong);
      world.announce(key);
    },
  });

  const world: World = {
    random,
    sets,
    restore,
    store,
    objects: store.objects,
    scheduler: schedule,
    bodies: [],
    faultsEnabled: true,
    now: BEGIN,
    violations: [],
    trace: [],
    counts: { steps: 0, tasks: 0, faults: 0, deliveries: 0, writes: 0 },
    note(what) {
      world.trace.push(`${new Date(world.now).toISOString().slice(11)} ${what}`);
      if (world.trace.length > TRACE_MAX) world.trace.shift();
    },
    announce(key) {
      if (!world.faultsEnabled || random.chance(delivery.lost)) return;
      do world.bodies.push(bodyFor(random, key, delivery.corrupt));
      while (random.chance(delivery.again) && world.bodies.length < 50);
    },
    async arrive({ key, ...stored }, modifiedAt) {
      world.note(`arrived: ${key}`);
      if (!(await store.put(key, { ...stored, modifiedAt })))
        throw new Error(`${key} already exists`);
      world.announce(key);
    },
    start(name, run) {
      const task = newTask(`${name} #${++world.counts.tasks}`);
      const reached = store.forTask(task);
      const deps: Deps = {
        store: options.wrap?.(reached, task) ?? reached,
        clock: () => new Date(world.now),
        log,
        signal: task.stopping.signal,
      };
      const ran = run(deps).then(
        () => 'done' as const,
        (error: unknown) => {
          world.note(
            `${task.name} failed: ${error instanceof Error ? error.message : String(error)}`,
          );
          return 'failed' as const;
        },
      );
      const ended: Promise<Ended> = Promise.race([
        ran,
        task.died.promise.then(() => 'died' as const),
      ]);
      return { task, ended };
    },
  };
  return world;
}

const OF_READS = ['dies', 'fails', 'interrupted'] as const;
const OF_WRITES = [...OF_READS, 'dies-after', 'answer-lost', 'refused-after'] as const;

/** The receipts for all orders that have none yet. */
export function unanswered({ restore, objects }: World): (Write & { readonly failed: boolean })[] {
  if (restore === undefined) return [];
  const orders = [...objects].filter(
    ([key]) => key.startsWith(RESTORES) && key.includes('/orders/'),
  );
  return orders.flatMap(([key, { bytes }]) => {
    const answer = receiptFor(restore, key, bytes);
    return answer === undefined || objects.has(answer.key) ? [] : [answer];
  });
}

export const isCommitted = (world: World, { timestamp }: StagedSet): boolean =>
  world.objects.has(formatKey({ kind: 'manifest', timestamp }));
