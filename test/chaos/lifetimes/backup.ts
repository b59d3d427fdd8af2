import { crc32 } from 'node:zlib';
import { encode, sha256 } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { Plan, Relation } from '../../../backup-set/documents/plan.ts';
import type {
  CarriedExtent,
  Extent,
  ObjectReceipt,
  Receipt,
} from '../../../backup-set/documents/receipt.ts';
import { Seal, SealPart } from '../../../backup-set/documents/seal.ts';
import {
  AT,
  partsOf,
  receiptDocument,
  sealFor,
  sealOf,
} from '../../../backup-set/testing/builders.ts';
import { PLAN } from '../../../backup-set/testing/plans.ts';
import type { ChosenBase } from '../../../cli/backup/base/candidate.ts';
import { chooseBase } from '../../../cli/backup/base/choose.ts';
import { withBase } from '../../../cli/backup/base/plan-base.ts';
import { offerBase } from '../../../cli/backup/base/send.ts';
import { type Draft, storePlan } from '../../../cli/backup/documents/plan.ts';
import { withMacs } from '../../../cli/backup/documents/seal.ts';
import { type BackupKeys, encryptionOf } from '../../../cli/backup/keys/backup-keys.ts';
import type { ClusterContext } from '../../../cli/context.ts';
import { NO_SCREEN } from '../../../cli/output/table/screen.ts';
import { hex } from '../../../frame/hex.ts';
import { setKeyId } from '../../../frame/seal/derive.ts';
import type { Deps } from '../../../functions/deps.ts';
import { inProcess } from '../../../functions/events/in-process.ts';
import { requireLiving } from '../../../functions/retention/marks.ts';
import type { Instruction } from '../../../segment-shipper/protocol/control.ts';
import { keyDocument } from '../../integration/encrypted/small-keys.ts';
import { usedBy } from './invariants.ts';
import { CONTENTS, HALVES, type Lifetime, TABLES } from './world.ts';

/** At least what is carried, so that the shipper may refer to it. */
const EXTENT_BYTES = 2000;
/** The default. A pack of which one half table is left is carried, too. */
const PACK_USE_MIN = 0.5;
const ROWS = 10;
const DIGEST_CHARS = 32;
/** Of all backups: without one, nothing proves a base, and nothing is carried. */
const DIGEST_KEY = Buffer.alloc(32, 1);

const relations: Relation[] = Array.from({ length: TABLES }, (_, id) => ({
  id,
  schema: 'public',
  name: `t${id}`,
  kind: 'table',
  columns: ['a'],
}));

const contents: Plan['contents'] = Array.from({ length: CONTENTS }, (_, content) => ({
  content,
  host: 'h',
  port: 5432,
  serverVersion: '15.4',
  encoding: 'UTF8',
  metadata: [],
  relations: [[0, TABLES - 1]],
  refresh: [],
}));

/** Every table is read, so that the coordinator offers what the base has of it. */
const work: Draft['work'] = new Map(
  contents.map(({ content }) => [
    content,
    relations.map((relation) => ({ relation, bytesEstimated: EXTENT_BYTES * HALVES })),
  ]),
);

/** A backup as `stowage backup` does it, with shippers that know their rows by versions. */
export async function backUp(life: Lifetime, deps: Deps): Promise<void> {
  const { store } = deps;
  const signal = deps.signal ?? new AbortController().signal;
  const context = contextOf(deps, signal, life.isEncrypted);
  const keys = life.isEncrypted
    ? { setKey: Buffer.alloc(32, life.serial()), digestKey: DIGEST_KEY }
    : undefined;
  const base = await chooseBase(context, store, 'newest', keys);
  const startedAt = new Date(life.now);
  const plain = { ...PLAN, startedAt: startedAt.toISOString(), relations, contents };
  const based = base ? withBase(plain, base) : plain;
  const body = keys ? encryptedBy(keys, based, base) : based;
  const draft = { body, work };
  const plan = await storePlan(store, draft, startedAt, signal);
  if (keys !== undefined) {
    const { key, bytes } = keyDocument(plan.timestamp, setKeyId(keys.setKey));
    await store.create(key, bytes);
  }
  // The plan names the base: an expiry that has not seen it wrote its tombstone before.
  if (plan.base) await requireLiving(deps, plan.base.timestamp);
  const rows = life.versions.map((versions) => [...versions]);
  const shippers = contents.map(({ content }) => shipper(content));
  await offerBase({ plan, store, context, draft }, shippers, signal);
  const receipts: Receipt[] = [];
  for (const { content, offers } of shippers)
    receipts.push(...(await shipContent(deps, plan, content, rows[content] ?? [], offers)));
  await storeSeal(deps, plan, receipts, keys);
  const functions = inProcess(deps);
  await functions.announce(formatKey({ kind: 'seal', timestamp: plan.timestamp }));
  await functions.idle();
  countUse(life, plan.timestamp);
}

/** Counts what makes retention hard: without it this test proves nothing. */
function countUse(life: Lifetime, timestamp: string): void {
  const older = usedBy(life.objects, timestamp);
  if (older !== undefined) life.count('set complete');
  if (older === undefined || older.length === 0) return;
  life.count(life.isEncrypted ? 'encrypted set carries' : 'plain set carries');
  if (older.length > 1) life.count('set carries of several');
}

function encryptedBy(
  keys: BackupKeys,
  body: Omit<Plan, 'timestamp'>,
  base: ChosenBase | undefined,
): Omit<Plan, 'timestamp'> {
  const encryption = encryptionOf(keys, body.base && base?.manifest);
  return { ...body, features: [...(body.features ?? []), 'encrypted'], encryption };
}

function contextOf(
  { clock, log }: Deps,
  signal: AbortSignal,
  isEncrypted: boolean,
): ClusterContext {
  const { cluster, database, flavour, selection } = PLAN;
  const backup = { ...selection, packUseMin: PACK_USE_MIN };
  const encryption = isEncrypted ? { recipients: ['age1test'] } : undefined;
  const config = { cluster, database, flavour, backup, encryption, shippers: { start: 'process' } };
  const output = {
    json: false,
    live: false,
    screen: NO_SCREEN,
    drawnOn: NO_SCREEN,
    result: none,
    note: none,
    draw: none,
  };
  const context = { env: {}, clock, signal, log, output, config, sources: new Map() };
  return context as unknown as ClusterContext;
}

const none = () => undefined;

/** Receives what the coordinator offers: digest → number of the extent in the base's part. */
function shipper(content: number) {
  const offers = new Map<string, number>();
  const take = async (instruction: Instruction) => {
    if (instruction.type !== 'base') return;
    for (const [at, from] of instruction.from.entries())
      offers.set(instruction.digests.slice(at * DIGEST_CHARS, (at + 1) * DIGEST_CHARS), from);
  };
  return {
    content,
    offers,
    deliver: take,
    carries: Promise.resolve(true),
    pid: 1,
    send: none,
    ended: Promise.resolve(),
    stop: async () => none(),
  };
}

const digestOfRows = (content: number, half: number, version: number) =>
  sha256(Buffer.from(`${content} ${half} ${version}`)).slice(0, DIGEST_CHARS);

/** Stores the extents that are not offered, one pack per table, and a receipt for each kind. */
async function shipContent(
  { store }: Deps,
  plan: Plan,
  content: number,
  versions: readonly number[],
  offers: ReadonlyMap<string, number>,
): Promise<Receipt[]> {
  const { timestamp } = plan;
  const place = { timestamp, content, attempt: 1, worker: 1 };
  const head = { format: 'stowage/receipt', version: 1, startedAt: AT, finishedAt: AT } as const;
  const receipts: Receipt[] = [];
  const carried: CarriedExtent[] = [];
  for (let table = 0; table < TABLES; table += 1) {
    const extents: Extent[] = [];
    for (let half = table * HALVES; half < (table + 1) * HALVES; half += 1) {
      const digest = digestOfRows(content, half, versions[half] ?? 0);
      const from = offers.get(digest);
      const same = { relation: table, rows: ROWS, bytes: EXTENT_BYTES, digest };
      if (from !== undefined) carried.push({ ...same, from });
      else extents.push({ ...same, offset: extents.length * 5, length: 5, crc32: '00000000' });
    }
    if (extents.length === 0) continue;
    const sequence = table + 1;
    const key = formatKey({ kind: 'pack', ...place, sequence });
    const bytes = Buffer.alloc(extents.length * 5);
    const digest = hex(crc32(bytes));
    const stored = await store.create(key, bytes);
    const object = {
      key,
      bytes: bytes.length,
      crc32: digest,
      ...(stored.etag && { etag: stored.etag }),
    };
    receipts.push({ ...head, ...place, sequence, object, kind: 'pack', extents });
  }
  if (carried.length > 0)
    receipts.push({ ...head, ...place, sequence: TABLES + 1, kind: 'carried', extents: carried });
  for (const receipt of receipts) {
    const { key, bytes } = receiptDocument(receipt);
    await store.create(key, bytes);
  }
  return receipts;
}

async function storeSeal(
  { store }: Deps,
  plan: Plan,
  receipts: readonly Receipt[],
  keys: BackupKeys | undefined,
): Promise<void> {
  const rows = ROWS * HALVES;
  const bytes = EXTENT_BYTES * HALVES;
  const counted = relations.map(({ id }) => ({ relation: id, attempt: 1, rows, bytes }));
  const whole = sealOf({
    plan,
    sealed: receipts.filter((receipt): receipt is ObjectReceipt => receipt.kind !== 'carried'),
    carried: receipts.filter((receipt) => receipt.kind === 'carried'),
    dead: [],
    counts: new Map(contents.map(({ content }) => [content, counted])),
  });
  const { timestamp } = plan;
  for (const part of partsOf(whole)) {
    const key = formatKey({ kind: 'seal-part', timestamp, content: part.content });
    await store.create(key, encode(SealPart, part));
  }
  const { mac: _, ...seal } = sealFor(whole);
  await store.create(formatKey({ kind: 'seal', timestamp }), encode(Seal, withMacs(seal, keys)));
}
