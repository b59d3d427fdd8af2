import { throwIfInterrupted } from '../../async/abort.ts';
import { isStowageError, messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { describeProblem, type Problem, type Verdict } from '../../backup-set/base/verdict.ts';
import { checkExtents } from '../../frame/check-extents.ts';
import { type CheckedObject, verifyObject } from '../check/object.ts';
import { verifySet } from '../check/verify-set.ts';
import type { Deps } from '../deps.ts';
import { validate } from '../handlers/validate.ts';
import { requireLiving } from '../retention/marks.ts';
import { whileReading } from '../retention/reading.ts';
import type { RepairRoots } from './reference.ts';
import type { RepairItem, RepairPlan } from './repair-plan.ts';

export interface RepairOptions {
  /**
   * Whether a damaged object may be removed to make room: the store keeps it as an older version,
   * or the operator accepts that its bytes are lost.
   */
  readonly mayReplace: boolean;
  /** Called before each object. */
  readonly onItem?: (item: RepairItem) => void;
}

export interface RepairResult {
  readonly repaired: readonly RepairItem[];
  /** Damaged objects that stay, because they may not be replaced. */
  readonly kept: readonly RepairItem[];
  readonly lost: readonly Problem[];
  readonly verdict: Verdict;
}

/**
 * Brings back the objects of a plan, create-only, each verified while it is copied, then checks the
 * set. An interrupted repair leaves whole objects only; the next one finds what is left.
 */
export async function repairSet(
  { to, from }: RepairRoots,
  timestamp: string,
  { items, lost, needsVerify }: RepairPlan,
  { mayReplace, onItem = () => undefined }: RepairOptions,
): Promise<RepairResult> {
  const options = { mayReplace, onItem };
  const plan = { items, lost, needsVerify };
  const repair = () => repairItems({ to, from }, timestamp, plan, options);
  return whileReading(from, timestamp, `repair of ${to.store.url}`, () =>
    // The set may have lost its manifest.
    whileReading(to, timestamp, `repair from ${from.store.url}`, repair, requireLiving),
  );
}

async function repairItems(
  { to, from }: RepairRoots,
  timestamp: string,
  { items, lost, needsVerify }: RepairPlan,
  { mayReplace, onItem }: Required<RepairOptions>,
): Promise<RepairResult> {
  const repaired: RepairItem[] = [];
  const kept: RepairItem[] = [];
  const failed: Problem[] = [];
  for (const item of items) {
    throwIfInterrupted(to.signal, `repairing ${timestamp}`);
    if (item.state === 'damaged' && !mayReplace) {
      kept.push(item);
      continue;
    }
    onItem(item);
    const problem = await bringBack({ to, from }, item);
    if (problem === undefined) repaired.push(item);
    else failed.push(problem);
  }
  const check = needsVerify && kept.length === 0 ? verifySet : validate;
  const { verdict } = await check(to, timestamp);
  return { repaired, kept, lost: [...lost, ...failed], verdict };
}

/** @returns the problem when the copy cannot give the object. */
async function bringBack(
  { to, from }: RepairRoots,
  { key, state, good }: RepairItem,
): Promise<Problem | undefined> {
  const options = { signal: to.signal };
  if ('document' in good) {
    if (state === 'damaged') await to.store.delete([key], options);
    await to.store.create(key, good.document, options);
    return undefined;
  }
  if (state === 'damaged') {
    // The copy is read first: nothing is removed for an object that it cannot give.
    const reading = { ...options, decode: false, onBytes: () => undefined };
    const [problem] = await verifyObject(from.store, good.object, reading);
    if (problem !== undefined) return isDamagedToo(from, problem);
    await to.store.delete([key], options);
  }
  try {
    await to.store.upload(key, verified(from, good.object), options);
    return undefined;
  } catch (error) {
    if (isStowageError(error, 'set/damaged', 'storage/not-found', 'storage/changed'))
      return isDamagedToo(from, { code: 'object-missing', object: key, message: messageOf(error) });
    throw error;
  }
}

const isDamagedToo = ({ store }: Deps, problem: Problem): Problem => ({
  ...problem,
  message: `under ${store.url}: ${problem.message}`,
});

/** The bytes of an object. Throws at their end when they are wrong, so that none are stored. */
async function* verified(
  { store, signal }: Deps,
  object: CheckedObject,
): AsyncGenerator<Uint8Array> {
  const { key, bytes: length, crc32, extents } = object;
  let faults = 0;
  const checks = [
    checkExtents(extents, () => (faults += 1)),
    checkExtents([{ offset: 0, length, crc32 }], () => (faults += 1)),
  ];
  for await (const chunk of store.get(key, { signal })) {
    for (const check of checks) check.feed(chunk);
    yield chunk;
  }
  for (const check of checks) check.end();
  if (faults === 0 && checks[1]?.position() === length) return;
  const message = 'its bytes differ from the checksum of its receipt';
  throw new StowageError(
    'set/damaged',
    describeProblem({ code: 'digest-differs', object: key, message }),
    { where: { object: key } },
  );
}
