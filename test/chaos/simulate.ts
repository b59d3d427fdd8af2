import { violationOfOutcome, violationsAtEnd } from './invariants.ts';
import {
  type Functions,
  lambdaReceiver,
  PRODUCT_FUNCTIONS,
  type Receiver,
  serveReceiver,
} from './receivers.ts';
import type { Write } from './staged-set.ts';
import { isCommitted, newWorld, unanswered, type World, type WorldOptions } from './world.ts';

export interface SimulationOptions extends WorldOptions {
  readonly functions?: Partial<Functions>;
}

export interface Simulation {
  readonly seed: number;
  readonly counts: World['counts'];
  /** All stored objects at the end. */
  readonly objects: World['objects'];
  readonly sets: World['sets'];
}

const SWEEP_INTERVAL_MS = 60_000;
const DAY_MS = 86_400_000;
/**
 * Far more steps than a world needs. Beyond this, functions start each other in an endless loop.
 */
const STEPS_MAX = 20_000;
/** Each sweep advances a restore by at least one step: its plan, five phases, the outcome. */
const RESTORE_SWEEPS_MAX = 8;

/**
 * Runs one world to its end: first with random faults and lost notifications, then without faults
 * and with sweeps only, which must complete everything.
 * @throws Error that names the seed, the violated rule and the last events
 */
export async function simulate(seed: number, options: SimulationOptions = {}): Promise<Simulation> {
  const world = newWorld(seed, options);
  const functions = { ...PRODUCT_FUNCTIONS, ...options.functions };
  const receiver = (world.random.chance(0.5) ? lambdaReceiver : serveReceiver)(world, functions);
  try {
    const facts = await runWithFaults(world, receiver);
    await runWithoutFaults(world, receiver, facts);
    await checkQuiescence(world, receiver);
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    const sets = world.sets.map(
      (set) => `${set.timestamp} ${set.defect}${set.inOrder ? ' in order' : ''}`,
    );
    throw new Error(
      `STOWAGE_CHAOS_SEED=${seed}: ${what}\nsets: ${sets.join(', ')}\n${world.trace.join('\n')}`,
      { cause: error },
    );
  }
  const { counts, objects, sets } = world;
  return { seed, counts, objects, sets };
}

interface RestoreFacts {
  failed: boolean;
  early: boolean;
}

/** Runs writes, notifications, functions and sweeps concurrently, in random order. */
async function runWithFaults(world: World, receiver: Receiver): Promise<RestoreFacts> {
  const { random, restore } = world;
  const facts: RestoreFacts = { failed: false, early: false };
  const arrivals = world.sets.map(({ stages, inOrder }) => ({
    left: stages.flat(),
    // A replication may keep the modification times of the original objects.
    keepsTimes: !inOrder && random.chance(0.5),
    startedAt: new Date(world.now),
  }));
  const asks = restore === undefined ? [] : [restore];
  let [nextSweep, idleTurns] = [world.now + random.below(SWEEP_INTERVAL_MS), 0];
  for (;;) {
    world.now += random.below(random.chance(0.01) ? 20 * 60_000 : 500);
    const arriving = arrivals.filter(({ left }) => left.length > 0);
    const answers = unanswered(world);
    const actions: (() => unknown)[] = [];
    const offer = (weight: number, possible: boolean, act: () => unknown) => {
      if (possible) for (let times = 0; times < weight; times += 1) actions.push(act);
    };
    offer(2, arriving.length > 0, () => {
      const { left, keepsTimes, startedAt } = random.pick(arriving);
      const [write] = left.splice(0, 1);
      return write && world.arrive(write, keepsTimes ? startedAt : new Date(world.now));
    });
    offer(2, world.bodies.length > 0, () => {
      const batch = Array.from({ length: 1 + random.below(Math.min(4, world.bodies.length)) }, () =>
        world.bodies.splice(random.below(world.bodies.length), 1),
      ).flat();
      world.counts.deliveries += batch.length;
      receiver.deliver(batch);
    });
    offer(1, answers.length > 0, () => answer(world, facts, random.pick(answers)));
    offer(1, asks.length > 0 && (arriving.length === 0 || random.chance(0.05)), () => {
      const [ask] = asks.splice(0, 1);
      if (ask === undefined) return undefined;
      facts.early = !isCommitted(world, ask.of);
      return world.arrive(ask.request, new Date(world.now));
    });
    offer(1, world.now >= nextSweep, () => {
      nextSweep = world.now + SWEEP_INTERVAL_MS;
      receiver.sweep();
    });
    const stepping = world.scheduler.waiting() > 0;
    offer(6, stepping, () => world.scheduler.advance());
    idleTurns = actions.length === 0 ? idleTurns + 1 : 0;
    // Nothing is left to do.
    if (idleTurns > 0) return facts;
    await random.pick(actions)();
    await settleStep(world);
  }
}

function answer(
  world: World,
  facts: RestoreFacts,
  { failed, ...receipt }: Write & { readonly failed: boolean },
) {
  facts.failed ||= failed;
  return world.arrive(receipt, new Date(world.now));
}

/** Without events and faults, one sweep must complete sets, and one sweep per step a restore. */
async function runWithoutFaults(
  world: World,
  receiver: Receiver,
  facts: RestoreFacts,
): Promise<void> {
  world.faultsEnabled = false;
  world.now += SWEEP_INTERVAL_MS;
  await sweepToTheEnd(world, receiver);
  throwViolation(violationsAtEnd(world)[0]);
  for (let sweeps = 0; sweeps < RESTORE_SWEEPS_MAX && world.restore !== undefined; sweeps += 1) {
    for (const receipt of unanswered(world)) await answer(world, facts, receipt);
    world.now += SWEEP_INTERVAL_MS;
    await sweepToTheEnd(world, receiver);
  }
  throwViolation(violationOfOutcome(world, facts));
}

/**
 * A day later a sweep reports unsealed sets as overdue. After that, no sweep may write anything.
 */
async function checkQuiescence(world: World, receiver: Receiver): Promise<void> {
  world.now += DAY_MS;
  await sweepToTheEnd(world, receiver);
  const { writes } = world.counts;
  world.now += DAY_MS;
  await sweepToTheEnd(world, receiver);
  if (world.counts.writes > writes)
    throwViolation('a sweep still writes after all sweeps before it have ended');
}

async function sweepToTheEnd(world: World, receiver: Receiver): Promise<void> {
  await runAllSteps(world);
  if (!receiver.sweep()) throw new Error('the last sweep has not ended');
  await runAllSteps(world);
}

async function runAllSteps(world: World): Promise<void> {
  await world.scheduler.settle();
  while (world.scheduler.waiting() > 0) {
    world.now += world.random.below(100);
    await world.scheduler.advance();
    await settleStep(world);
  }
}

async function settleStep(world: World): Promise<void> {
  await world.scheduler.settle();
  world.counts.steps += 1;
  if (world.counts.steps > STEPS_MAX)
    throwViolation('the functions start each other in an endless loop');
  throwViolation(world.violations[0]);
}

function throwViolation(what: string | undefined): void {
  if (what !== undefined) throw new Error(what);
}
