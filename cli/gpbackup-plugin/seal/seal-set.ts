import { mapInFlight } from '../../../async/each-in-flight.ts';
import {
  decode,
  digestOf,
  encode,
  FORMAT_VERSION,
  RECEIPT_BYTES_MAX,
  sha256,
} from '../../../backup-set/base/document.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey, parseKey, receiptsPrefix } from '../../../backup-set/base/keys.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { Receipt } from '../../../backup-set/documents/receipt.ts';
import { Seal, SealPart } from '../../../backup-set/documents/seal.ts';
import { expectedFiles } from '../../../backup-set/files/expected.ts';
import { setKeyId } from '../../../frame/seal/derive.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { parseDocument, Toc } from '../../adopt/gpbackup/documents.ts';
import { UnsoundScript } from '../../adopt/script/unsound.ts';
import { withMac } from '../../backup/documents/seal.ts';
import type { ClusterContext } from '../../context.ts';
import type { Plugin, StoredReceipt } from '../store-file.ts';
import { type OlderSets, olderSets } from './older-sets.ts';
import { plannedSet, SealedConfig } from './planned.ts';
import { hostKeyIds, keyFailures, storeNewSetKey } from './seal-keys.ts';
import { localSources, storedSources } from './source-files.ts';

const READS_AT_ONCE = 32;

/** A backup that has ended, on the host of its coordinator. */
export interface EndedBackup {
  readonly timestamp: string;
  /** Where gpbackup has the files of its coordinator. */
  readonly folder: string;
}

/**
 * Writes plan and seal of a set whose backup has ended, successfully or not, from what gpbackup has
 * stored of it. Then the functions can prove it.
 * @returns undefined when gpbackup has stored no config.yaml, or when the set has a seal.
 */
export async function sealSet(
  plugin: Plugin,
  context: ClusterContext,
  { timestamp, folder }: EndedBackup,
): Promise<Plan | undefined> {
  const { store, clock } = plugin;
  const receipts = await receiptsOf(plugin, timestamp);
  const encryption = plugin.hostKeys && context.config.encryption;
  const read =
    encryption === undefined
      ? storedSources(store, timestamp)
      : localSources(folder, timestamp, receipts);
  const configText = await read('config.yaml');
  if (configText === undefined) return undefined;
  if ((await store.head(formatKey({ kind: 'seal', timestamp }))) !== undefined) return undefined;
  const source = parsed('config.yaml', () => parseDocument(SealedConfig, configText));
  const [toc, metadata] = [await read('toc.yaml'), await read('metadata.sql')];
  const stored = [...receipts.values()].filter(({ receipt }) => receipt.content === -1);
  const plain = plannedSet(
    {
      timestamp,
      stored: stored.map(({ receipt }) => receipt.file),
      config: source,
      tables:
        toc === undefined ? [] : parsed('toc.yaml', () => parseDocument(Toc, toc)).dataentries,
      metadata: metadata?.toString('latin1', 0, 1000) ?? '',
    },
    context.config,
    store.url,
  );
  const { restoreplan } = source;
  const older = await olderSets(store, plain, { restoreplan, encrypts: encryption !== undefined });
  const setKey = encryption && (await storeNewSetKey(context, encryption, store, timestamp));
  const plan = setKey === undefined ? plain : encryptedPlan(plain, setKey, { older, receipts });
  const failures = [
    ...statusFailures(source, timestamp),
    ...older.failures,
    ...(encryption ? await keyFailures(encryption, store, timestamp, receipts) : []),
  ];
  const planBytes = encode(Plan, plan);
  await store.create(formatKey({ kind: 'plan', timestamp }), planBytes);
  const contents = await storeParts(store, plan, receipts);
  const seal: Seal = {
    format: 'stowage/seal',
    version: FORMAT_VERSION,
    timestamp,
    sealedAt: clock().toISOString(),
    planSha256: sha256(planBytes),
    outcome: failures.length === 0 ? 'counted' : 'failed',
    contents,
    failures: failures.map(({ code, message }) => ({ code, message })),
  };
  const proven = withMac(seal, setKey && { setKey });
  await store.create(formatKey({ kind: 'seal', timestamp }), encode(Seal, proven));
  return plan;
}

/** The plan says which keys seal its files, and which one proves it. */
function encryptedPlan(
  plan: Plan,
  setKey: Buffer,
  { older, receipts }: { older: OlderSets; receipts: ReadonlyMap<string, StoredReceipt> },
): Plan {
  const hostKeys = hostKeyIds(receipts);
  const features = [...(plan.features ?? []), 'encrypted' as const];
  return {
    ...plan,
    features: hostKeys.length === 0 ? features : [...features, 'host-keys'],
    encryption: {
      keyId: setKeyId(setKey),
      ...(older.keys.length > 0 && { older: [...older.keys] }),
      ...(hostKeys.length > 0 && { hostKeys }),
    },
  };
}

async function storeParts(
  store: ObjectStore,
  plan: Plan,
  receipts: ReadonlyMap<string, StoredReceipt>,
): Promise<Seal['contents']> {
  const { timestamp } = plan;
  const contents: Seal['contents'] = [];
  for (const { content } of plan.contents) {
    const part = encode(SealPart, sealPart(plan, content, receipts));
    await store.create(formatKey({ kind: 'seal-part', timestamp, content }), part);
    contents.push({ content, part: digestOf(part) });
  }
  return contents;
}

function parsed<Value>(file: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof UnsoundScript)) throw error;
    throw new StowageError('gpbackup/failed', `${file} of gpbackup: ${error.message}`);
  }
}

/** The receipts of all hosts, by file. Those of this process need not be read. */
async function receiptsOf(
  plugin: Plugin,
  timestamp: string,
): Promise<ReadonlyMap<string, StoredReceipt>> {
  const { store, stored } = plugin;
  const own = new Map<string, StoredReceipt>();
  for (const one of stored.values())
    if (one.receipt.timestamp === timestamp) own.set(receiptKey(one), one);
  const found = new Map<string, StoredReceipt>();
  const unread: string[] = [];
  for await (const { key } of store.list(receiptsPrefix(timestamp))) {
    const known = own.get(key);
    if (known !== undefined) found.set(known.receipt.file, known);
    else if (parseKey(key)?.kind === 'receipt') unread.push(key);
  }
  const read = await mapInFlight(unread, READS_AT_ONCE, (key) => readReceipt(store, key));
  for (const one of read)
    if (one !== undefined && !found.has(one.receipt.file)) found.set(one.receipt.file, one);
  return found;
}

async function readReceipt(store: ObjectStore, key: string): Promise<StoredReceipt | undefined> {
  const bytes = await store.read(key, { bytesMax: RECEIPT_BYTES_MAX });
  const receipt = decode(Receipt, { key, bytes });
  if (receipt.kind !== 'file') return undefined;
  const { attempt, worker, sequence } = receipt;
  return { receipt, sealed: { attempt, worker, sequence, sha256: sha256(bytes) } };
}

const receiptKey = ({ receipt }: StoredReceipt) => formatKey({ ...receipt, kind: 'receipt' });

/** The receipts that count: those of expected files. */
function sealPart(
  { timestamp, files }: Plan,
  content: number,
  receipts: ReadonlyMap<string, StoredReceipt>,
): SealPart {
  const expected = files === undefined ? [] : expectedFiles(files, timestamp, content);
  return {
    format: 'stowage/seal-part',
    version: FORMAT_VERSION,
    timestamp,
    content,
    receipts: expected.flatMap((file) => receipts.get(file)?.sealed ?? []),
    relations: [],
  };
}

/** What gpbackup says of its backup. */
function statusFailures({ status }: Pick<SealedConfig, 'status'>, timestamp: string) {
  if (status === 'Success') return [];
  return [
    new StowageError('gpbackup/failed', `gpbackup says of backup ${timestamp}: ${status ?? '?'}`),
  ];
}
