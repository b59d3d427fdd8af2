import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pino from 'pino';
import { decode, digestOf, encode, sha256 } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { SetKeyDocument } from '../../../backup-set/documents/keys/set-key.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { Receipt } from '../../../backup-set/documents/receipt.ts';
import { Seal, SealPart } from '../../../backup-set/documents/seal.ts';
import { Config } from '../../../cli/config/schema.ts';
import type { ClusterContext } from '../../../cli/context.ts';
import { newOutput } from '../../../cli/output/output.ts';
import { readingSet } from '../../../cli/read-set/open-set.ts';
import { relationParts } from '../../../cli/read-set/relation-parts.ts';
import { wrapSetKey } from '../../../encryption/set-key.ts';
import { setKeyId } from '../../../frame/seal/derive.ts';
import type { Deps } from '../../../functions/deps.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { readPart } from '../../../functions/stored/read-part.ts';
import { fileBytes } from '../../../segment-shipper/read/opens.ts';
import { partRows } from '../../../segment-shipper/read/relation/part-rows.ts';
import { openStore } from '../../../storage/open.ts';
import { type TestKeys, testKeys } from '../../support/e2e/encryption.ts';
import { bytesOf, fileOf, keysOf } from '../functions/place.ts';
import { type SmallSet, storeAll, storeObjects } from '../functions/sets.ts';
import { CONTENTS, encryptedSets, encryptionOf } from './small-keys.ts';

/** The newest set of the root: it has the tables of the others, and other rows. */
export const NEWEST = '20260301010203';

export interface Attacked {
  readonly deps: Deps;
  readonly operator: TestKeys;
  readonly older: SmallSet;
  readonly younger: SmallSet;
  readonly newest: SmallSet;
  readonly setKeys: ReadonlyMap<string, Buffer>;
  readonly keyIds: readonly string[];
  readonly context: ClusterContext;
  readonly remove: () => Promise<void>;
}

/** A root with encrypted sets, whose keys are wrapped for an operator. */
export async function attackedRoot(): Promise<Attacked> {
  const folder = await mkdtemp(join(tmpdir(), 'forged-'));
  const opened = await openStore({ root: pathToFileURL(folder).href });
  const clock = () => new Date();
  const own = { store: opened, clock, log: pino({ level: 'silent' }) };
  const { deps, older, younger, setKeys: pair } = await encryptedSets(own);
  const { store } = deps;
  const operator = await testKeys(join(fileURLToPath(store.url), '.keys'));
  const newestKey = Buffer.alloc(32, 9);
  const newest = await storeObjects(store, {
    timestamp: NEWEST,
    contents: CONTENTS,
    encrypted: encryptionOf(newestKey, NEWEST, undefined),
    first: 5_000,
  });
  await storeAll(store, documents(newest));
  const setKeys = new Map([
    [older.timestamp, pair[0]],
    [younger.timestamp, pair[1]],
    [NEWEST, newestKey],
  ]);
  for (const [timestamp, key] of setKeys)
    await replaceKey(deps, timestamp, { recipient: operator.recipient, key });
  await stitch(deps, NEWEST);
  const context = contextOf(deps, operator.section());
  const keyIds = [...setKeys.values()].map(setKeyId);
  const remove = () => rm(folder, { recursive: true, force: true });
  return { deps, operator, older, younger, newest, setKeys, keyIds, context, remove };
}

const documents = (set: SmallSet) => [set.plan, ...set.receipts, ...set.sealParts, set.seal];

/** @param encryption undefined: the configuration says nothing of it. */
export function contextOf({ store, clock, log }: Deps, encryption: unknown): ClusterContext {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const segments = CONTENTS.map((content) => ({ content, host: 'a' }));
  const section = encryption === undefined ? {} : { encryption };
  return {
    env: {},
    clock,
    signal: new AbortController().signal,
    log,
    output: newOutput({ out, err }, true, clock, () => undefined, {}),
    config: Config.parse({ root: store.url, database: 'places', segments, ...section }),
    sources: new Map(),
  };
}

export const setKeyObject = (timestamp: string) =>
  formatKey({ kind: 'set-key', timestamp, instant: `${timestamp}000` });

/** Puts a key document in the place of that of a set. `wrapped` is what the document wraps. */
export async function replaceKey(
  { store }: Deps,
  timestamp: string,
  wrapped: {
    readonly recipient: string;
    readonly key: Buffer;
    readonly timestamp?: string;
    readonly root?: string;
    readonly claims?: string;
  },
): Promise<void> {
  const { recipient, key } = wrapped;
  const set = { timestamp: wrapped.timestamp ?? timestamp, root: wrapped.root ?? store.url, key };
  const document = await wrapSetKey({ recipients: [recipient] }, set, {
    wrappedAt: new Date('2026-01-31T01:02:03.000Z'),
  });
  const keyId = wrapped.claims ?? setKeyId(key);
  const file = fileOf(store, setKeyObject(timestamp));
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, encode(SetKeyDocument, { ...document, timestamp, keyId }));
}

/**
 * Everything that export, dump, drill and restore read of a set: digests of its manifest, of the
 * rows of each relation and content, and of the files.
 */
export function readAll(context: ClusterContext, timestamp: string): Promise<string> {
  const name = { kind: 'timestamp', timestamp } as const;
  return readingSet(context, name, 'test', async ({ deps, store, manifest, keys }) => {
    const { signal } = context;
    const read = [sha256(encode(Manifest, manifest))];
    for await (const part of relationParts({ deps, manifest }, manifest.relations)) {
      const rows = await Array.fromAsync(partRows(store, part, { signal, keys }), (chunk) =>
        Buffer.from(chunk),
      );
      const { content, schema, name: relation, columns } = part;
      read.push([content, schema, relation, columns, sha256(Buffer.concat(rows))].join());
    }
    for (const { content } of manifest.contents) {
      const part = await readPart(deps, manifest, content);
      if (!part.ok) throw new Error('the part was read before');
      for (const { key } of part.value.metadata) {
        const bytes = await Array.fromAsync(fileBytes(store, key, { signal, keys }));
        read.push(`${key} ${sha256(Buffer.concat(bytes))}`);
      }
    }
    return read.join('\n');
  });
}

/** What an attacker changes in the documents of a set. */
export interface Edits {
  readonly plan?: (plan: Plan) => Plan;
  /** Undefined: the receipt, and so its pack, is left out. */
  readonly receipt?: (receipt: Receipt) => Receipt | undefined;
  readonly part?: (part: SealPart) => SealPart;
  readonly seal?: (seal: Seal) => Seal;
}

/**
 * Edits the documents of a set so that all of them agree again, and has the functions write its
 * manifest: only a holder of the set's key can tell. @returns the status that the functions give.
 */
export async function forge(deps: Deps, set: SmallSet, edits: Edits): Promise<string> {
  const { store } = deps;
  const { timestamp } = set;
  const write = (key: string, bytes: Uint8Array) => writeFile(fileOf(store, key), bytes);
  const plan = encode(Plan, (edits.plan ?? same)(decode(Plan, set.plan)));
  await write(set.plan.key, plan);
  const receipts = new Map<string, string | undefined>();
  for (const { key, bytes } of set.receipts) {
    const edited = (edits.receipt ?? same)(decode(Receipt, { key, bytes }));
    const forged = edited && encode(Receipt, edited);
    if (forged === undefined) await rm(fileOf(store, key));
    else await write(key, forged);
    receipts.set(key, forged && sha256(forged));
  }
  const pins: Seal['contents'] = [];
  for (const stored of set.sealParts) {
    const part = (edits.part ?? same)(decode(SealPart, stored));
    const { content } = part;
    const named = part.receipts.flatMap((receipt) => {
      const { attempt, worker, sequence } = receipt;
      const digest = receipts.get(
        formatKey({ kind: 'receipt', timestamp, content, attempt, worker, sequence }),
      );
      return digest === undefined ? [] : [{ ...receipt, sha256: digest }];
    });
    const bytes = encode(SealPart, { ...part, receipts: named });
    await write(stored.key, bytes);
    pins.push({ content, part: digestOf(bytes) });
  }
  const sealed = { ...decode(Seal, set.seal), planSha256: sha256(plan), contents: pins };
  await write(set.seal.key, encode(Seal, (edits.seal ?? same)(sealed)));
  return restitch(deps, timestamp);
}

const same = <T>(value: T): T => value;

/** Removes the manifest, and has the functions write another one. */
export async function restitch(deps: Deps, timestamp: string): Promise<string> {
  for (const key of await keysOf(
    deps.store,
    formatKey({ kind: 'plan', timestamp }).replace('plan.json', ''),
  ))
    if (key.includes('manifest')) await rm(fileOf(deps.store, key));
  return (await stitch(deps, timestamp)).status;
}

/** The present bytes of all objects, to put them back after an attack. */
export async function snapshotOf({ store }: Deps): Promise<() => Promise<void>> {
  const kept = new Map<string, Uint8Array>();
  for (const key of await keysOf(store, 'sets/')) kept.set(key, await bytesOf(store, key));
  return async () => {
    for (const key of await keysOf(store, 'sets/'))
      if (!kept.has(key)) await rm(fileOf(store, key));
    for (const [key, bytes] of kept) await writeFile(fileOf(store, key), bytes);
  };
}
