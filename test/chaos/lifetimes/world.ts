import pino from 'pino';
import type { Deps } from '../../../functions/deps.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { type ChaosStore, chaosStore } from '../chaos-store.ts';
import { ROOT_URL } from '../deliveries.ts';
import { openMemory } from '../memory-store.ts';
import { type Random, randomFrom } from '../random.ts';
import { type Fault, newTask, type Scheduler, scheduler, type Task } from '../scheduler.ts';
import type { Ended } from '../world.ts';
import { lostObjects } from './invariants.ts';

/** A root over months: sets come, share packs, and go, while programs are killed at any step. */
export interface Lifetime {
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly store: ChaosStore;
  readonly objects: ChaosStore['objects'];
  /** Another root, to which sets are copied. */
  readonly target: ObjectStore;
  /** Version of the rows per content and half table: it changes when rows change. */
  readonly versions: number[][];
  /** All sets of this lifetime are encrypted, or none is: every second seed. */
  readonly isEncrypted: boolean;
  /** Sets that a hold has reported as held. */
  readonly held: Set<string>;
  /** Sets that a program has begun to release, perhaps beside a hold. */
  readonly released: Set<string>;
  /** Names of the tasks that had a fault. */
  readonly faulty: Set<string>;
  readonly violations: string[];
  readonly trace: string[];
  readonly counts: Record<string, number>;
  faultsEnabled: boolean;
  now: number;
  note(what: string): void;
  count(what: string): void;
  /** A number that nothing else of this lifetime has. */
  serial(): number;
  /** Runs a program as a new task. */
  start(name: string, run: (deps: Deps, task: Task) => Promise<unknown>): Promise<Ended>;
}

export interface LifetimeOptions {
  /** Wraps the store of the programs. */
  readonly wrap?: (store: ObjectStore) => ObjectStore;
}

export const CONTENTS = 2;
export const TABLES = 2;
/** Extents of a table: some of them change between two backups. */
export const HALVES = 2;
const BEGIN = Date.parse('2026-01-31T12:00:00.000Z');
const TRACE_MAX = 400;
const OF_READS = ['dies', 'fails', 'interrupted'] as const;
const OF_WRITES = [...OF_READS, 'dies-after', 'answer-lost'] as const;
const log = pino({ level: 'silent' });

export function newLifetime(seed: number, { wrap = (store) => store }: LifetimeOptions = {}) {
  const random = randomFrom(seed);
  const share = random.pick([0, 0.002, 0.01, 0.03]);
  const faultOf = (task: Task, isWrite: boolean): Fault | undefined => {
    if (!life.faultsEnabled || !random.chance(share)) return undefined;
    life.count('faults');
    life.faulty.add(task.name);
    return random.pick<Fault>(isWrite ? OF_WRITES : OF_READS);
  };
  const schedule = scheduler(random, faultOf);
  const store = chaosStore({
    inner: openMemory(ROOT_URL),
    url: ROOT_URL,
    scheduler: schedule,
    random,
    now: () => new Date(life.now),
    onWrite(key, _bytes, before) {
      life.note(`written: ${key}`);
      if (before !== undefined) life.violations.push(`${key} was overwritten`);
    },
    onDelete(keys) {
      for (const key of keys) life.note(`removed: ${key}`);
      life.violations.push(...lostObjects(life));
    },
  });
  let serial = 0;
  const life: Lifetime = {
    random,
    scheduler: schedule,
    store,
    objects: store.objects,
    target: openMemory('s3://bucket/copies'),
    versions: Array.from({ length: CONTENTS }, () => Array<number>(TABLES * HALVES).fill(0)),
    isEncrypted: seed % 2 === 1,
    held: new Set(),
    released: new Set(),
    faulty: new Set(),
    violations: [],
    trace: [],
    counts: {},
    faultsEnabled: true,
    now: BEGIN,
    note(what) {
      life.trace.push(`${new Date(life.now).toISOString()} ${what}`);
      if (life.trace.length > TRACE_MAX) life.trace.shift();
    },
    count(what) {
      life.counts[what] = (life.counts[what] ?? 0) + 1;
    },
    serial() {
      serial += 1;
      return serial;
    },
    start(name, run) {
      const task = newTask(`${name} #${life.serial()}`);
      const deps: Deps = {
        store: wrap(store.forTask(task)),
        clock: () => new Date(life.now),
        log,
        signal: task.stopping.signal,
        writer: 'command',
      };
      life.note(`${task.name} begins`);
      const ran = run(deps, task).then(
        () => 'done' as const,
        (error: unknown) => {
          life.note(
            `${task.name} failed: ${error instanceof Error ? error.message : String(error)}`,
          );
          return 'failed' as const;
        },
      );
      const died = task.died.promise.then(() => 'died' as const);
      return Promise.race([ran, died]).then((ended: Ended) => {
        life.note(`${task.name} ${ended}`);
        life.count(`${name} ${ended}`);
        return ended;
      });
    },
  };
  return life;
}
