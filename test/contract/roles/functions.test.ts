import { PutObjectCommand } from '@aws-sdk/client-s3';
import pino from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatKey, PHASES } from '../../../backup-set/base/keys.ts';
import { verifySet } from '../../../functions/check/verify-set.ts';
import type { Deps } from '../../../functions/deps.ts';
import { announcementOf } from '../../../functions/handlers/announce.ts';
import { deleteSet, planDeletion } from '../../../functions/sets/delete.ts';
import { sweep } from '../../../functions/sweep/sweep.ts';
import { requestTask } from '../../../functions/tasks/tasks.ts';
import { claimOrder } from '../../../segment-shipper/agent/claim.ts';
import { inspectBucket } from '../../../storage/s3/inspect-bucket.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { storeCounts, storeReceipt, storeRequest } from '../../integration/functions/restores.ts';
import {
  documentsOf,
  type SmallSet,
  storeAll,
  storeObjects,
} from '../../integration/functions/sets.ts';
import { BUCKET, type StowageRoles, startStowageRoles } from '../../support/ceph/stowage-roles.ts';
import { handle } from '../../support/handle.ts';
import { collect } from '../bytes.ts';

// Shows rights that are missing: every role does its real work with its own credentials.
let at: StowageRoles;
const stores = new Map<string, ObjectStore>();

beforeAll(async () => {
  at = await startStowageRoles();
  for (const role of [...at.roles, 'owner']) stores.set(role, await at.store(role));
});
afterAll(() => at?.stop());

function store(role: string): ObjectStore {
  const found = stores.get(role);
  if (found === undefined) throw new Error(`there is no role ${role}`);
  return found;
}

const as = (role: string): Deps => ({
  store: store(role),
  clock: () => new Date(),
  log: pino({ level: 'silent' }),
});
const denied = { code: 'storage/denied' };
const manifestOf = (timestamp: string) => formatKey({ kind: 'manifest', timestamp });

/** Stores a set: the shipper its packs and receipts, the operator its plan and seal. */
async function backUp(timestamp: string): Promise<SmallSet> {
  const set = await storeObjects(store('Shipper'), { timestamp });
  await store('Operator').create(set.plan.key, set.plan.bytes);
  await storeAll(store('Shipper'), set.receipts);
  await storeAll(store('Operator'), [...set.sealParts, set.seal]);
  return set;
}

/** Stores a set and has the functions' roles commit and validate it. */
async function backUpAndValidate(timestamp: string): Promise<SmallSet> {
  const set = await backUp(timestamp);
  expect(await handle(as('Stitch'), set.seal.key)).toMatchObject({
    wrote: expect.arrayContaining([manifestOf(timestamp)]),
  });
  await handle(as('Validate'), manifestOf(timestamp));
  return set;
}

test('shipper, operator, stitch, validate and announce have the rights that a backup needs', async () => {
  const timestamp = '20260131010000';
  const set = await backUp(timestamp);
  for (const role of [
    'Validate',
    'Verify',
    'AdvanceRestore',
    'Announce',
    'Operator',
    'Restore',
    'Delete',
    'Audit',
  ])
    await expect(handle(as(role), set.seal.key), role).rejects.toMatchObject(denied);
  expect(await store('owner').head(manifestOf(timestamp))).toBeUndefined();
  await handle(as('Stitch'), set.seal.key);
  const { wrote } = await handle(as('Validate'), manifestOf(timestamp));
  const [verdict = ''] = wrote;
  expect(await announcementOf(as('Announce'), verdict)).toMatchObject({
    status: 'complete',
    level: 'validate',
  });
  await store('owner').delete([verdict]);
  expect(await announcementOf(as('Announce'), verdict)).toBeUndefined();
});

test('stitch has the rights to call a sealed set without a receipt incomplete', async () => {
  const set = await storeObjects(store('Shipper'), { timestamp: '20260131010100' });
  await storeAll(store('owner'), documentsOf(set).toSpliced(1, 1));
  const { wrote } = await handle(as('Stitch'), set.seal.key);
  expect(await announcementOf(as('Announce'), wrote[0] ?? '')).toMatchObject({
    status: 'incomplete',
  });
});

test('the operator verifies a set in one run, and the function verifies it in slices', async () => {
  const timestamp = '20260131010200';
  await backUpAndValidate(timestamp);
  expect(await verifySet(as('Operator'), timestamp)).toMatchObject({
    verdict: { status: 'complete' },
  });
  await expect(verifySet(as('Audit'), timestamp)).rejects.toMatchObject(denied);
  const request = await requestTask(as('Operator'), timestamp, 'verify', new Date());
  expect(await runFunctions(as('Verify'), request)).toContainEqual(
    expect.stringMatching(/-verify\.json$/),
  );
});

/** Runs the functions of one role for a key and for all keys they write. @returns these keys. */
async function runFunctions(deps: Deps, key: string): Promise<string[]> {
  const wrote: string[] = [];
  for (const created = [key]; created.length > 0; ) {
    const more = (await handle(deps, created.shift() ?? '')).wrote;
    wrote.push(...more);
    created.push(...more);
  }
  return wrote;
}

test('the roles of a restore have the rights from its request to its outcome', async () => {
  const set = await backUpAndValidate('20260131010300');
  const id = '20260201000000000-00000001';
  const request = await storeRequest(store('Restore'), set, id, { count: true });
  await expect(handle(as('AdvanceRestore'), request)).rejects.toMatchObject(denied);
  await handle(as('PlanRestore'), request);
  for (const phase of PHASES) {
    let receipt = '';
    for (const content of set.contents) {
      const order = formatKey({ kind: 'order', restore: id, phase, content });
      const found = await store('owner').head(order);
      if (found === undefined) continue;
      expect((await collect(store('RestoreShipper').get(order))).length).toBe(found.bytes);
      receipt = await storeReceipt(store('RestoreShipper'), id, phase, content);
    }
    if (receipt !== '') await handle(as('AdvanceRestore'), receipt);
  }
  for (const role of ['RestoreShipper', 'Agent', 'AdvanceRestore'])
    await expect(storeCounts(store(role), id), role).rejects.toMatchObject(denied);
  await handle(as('AdvanceRestore'), await storeCounts(store('Restore'), id, { rows: 3 * 807 }));
  const outcome = formatKey({ kind: 'outcome', restore: id });
  expect(await announcementOf(as('Announce'), outcome)).toMatchObject({ status: 'restored' });
  const [object] = set.receipts;
  await expect(collect(store('RestoreShipper').get(object?.key ?? ''))).rejects.toMatchObject(
    denied,
  );
});

test('the sweeper alone commits, validates, plans a restore and finishes a task', async () => {
  const set = await backUp('20260131010400');
  const id = '20260201000000000-00000002';
  await storeRequest(store('Restore'), set, id);
  const request = await requestTask(as('Operator'), set.timestamp, 'verify', new Date());
  const report = await sweep(as('Sweep'), { overdueAfterSeconds: 0 });
  expect(report.committed).toContain(set.timestamp);
  await sweep(as('Sweep'), { overdueAfterSeconds: 0 });
  expect(await store('owner').head(formatKey({ kind: 'restore-plan', restore: id }))).toBeDefined();
  expect(await store('owner').head(request.replace('request.json', 'outcome.json'))).toBeDefined();
});

test('an agent claims an order once', async () => {
  const timestamp = '20260131010500';
  const order = formatKey({ kind: 'backup-order', timestamp, content: 0 });
  await store('Operator').create(order, Buffer.from('{}'));
  const agent = store('Agent');
  expect(await Array.fromAsync(agent.listPrefixes('sets/20260131/'))).toContain(`${timestamp}/`);
  for (const kind of ['seal', 'dispatched'] as const)
    expect(await agent.head(formatKey({ kind, timestamp }))).toBeUndefined();
  const keys = { order, claim: formatKey({ kind: 'backup-claim', timestamp, content: 0 }) };
  const identity = (instance: string) => ({ name: 'agent', instance });
  expect(await claimOrder(agent, keys, identity('1'), new Date())).toBe('claimed');
  expect(await claimOrder(agent, keys, identity('2'), new Date())).toBe('restarted');
});

test('Operator and Audit can read the settings of the bucket, and a shipper cannot', async () => {
  const deniedTo = async (role: string) =>
    Object.entries((await inspectBucket(store(role))) ?? {})
      .filter(
        ([, answer]) => typeof answer === 'object' && !answer.ok && answer.failure === 'denied',
      )
      .map(([name]) => name);
  // Ceph 16 shows notifications only to the owner of the bucket.
  for (const role of ['Operator', 'Audit'])
    expect(await deniedTo(role), role).toEqual(['notifies']);
  expect(await deniedTo('Shipper')).toEqual(expect.arrayContaining(['versioning', 'policy']));
});

test('only the roles Delete and Expire delete a set', async () => {
  const set = await backUpAndValidate('20260131010600');
  for (const role of at.roles.filter((name) => !['Delete', 'Expire'].includes(name)))
    await expect(store(role).delete([set.seal.key]), role).rejects.toMatchObject(denied);
  await deleteSet(as('Delete'), await planDeletion(as('Delete'), set.timestamp));
  expect(await store('owner').head(set.seal.key)).toBeUndefined();
});

test("validate names a pack that was overwritten with a shipper's credentials", async () => {
  const set = await backUpAndValidate('20260131010700');
  const pack = formatKey({
    kind: 'pack',
    timestamp: set.timestamp,
    content: 0,
    attempt: 1,
    worker: 1,
    sequence: 1,
  });
  const bytes = await collect(store('owner').get(pack));
  const forged = { Bucket: BUCKET, Key: at.key(pack), Body: Buffer.alloc(bytes.length) };
  await at.client('Shipper').send(new PutObjectCommand(forged));
  const { wrote } = await handle(as('Validate'), manifestOf(set.timestamp));
  expect(await announcementOf(as('Announce'), wrote[0] ?? '')).toMatchObject({
    status: 'damaged',
    problems: [expect.stringContaining(pack)],
  });
});
