import { digestOf, encode, FORMAT_VERSION, sha256 } from '../../../backup-set/base/document.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { Seal, SealPart } from '../../../backup-set/documents/seal.ts';
import { expectedFiles } from '../../../backup-set/files/expected.ts';
import { parseFileName } from '../../../backup-set/files/names.ts';
import { setKeyId } from '../../../frame/seal/derive.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { parseDocument, Toc } from '../../adopt/gpbackup/documents.ts';
import { UnsoundScript } from '../../adopt/script/unsound.ts';
import { withMacs } from '../../backup/documents/seal.ts';
import type { ClusterContext } from '../../context.ts';
import { functionDeps } from '../../wait-for-functions.ts';
import type { Plugin } from '../store-file.ts';
import { neededReceipts, unfinished } from './needed-receipts.ts';
import { type OlderSets, olderSets } from './older-sets.ts';
import { type CoordinatorFiles, plannedSet, SealedConfig } from './planned.ts';
import { unprovenOlder } from './proven-older.ts';
import { type StoredReceipts, storedReceipts } from './receipts.ts';
import { digestKeyOf, hostKeyIds, keyFailures, storeNewSetKey } from './seal-keys.ts';
import { localSources, storedSources } from './source-files.ts';

/** A backup that has ended, on the host of its coordinator. */
export interface EndedBackup {
  readonly timestamp: string;
  /** Where gpbackup has the files of its coordinator. */
  readonly folder: string;
  /** The command line that does this again. */
  readonly finish: string;
}

/**
 * Writes plan and seal of a set whose backup has ended, successfully or not, from what gpbackup has
 * stored of it. Then the functions can prove it.
 * @returns undefined when gpbackup has stored no config.yaml, or when the set has a seal.
 * @throws StowageError `set/incomplete` when a receipt cannot be read that a file may need: then
 * nothing is written, and `ended.finish` does it when the object is gone.
 */
export async function sealSet(
  plugin: Plugin,
  context: ClusterContext,
  ended: EndedBackup,
): Promise<Plan | undefined> {
  const { store, clock } = plugin;
  const { timestamp, finish } = ended;
  const all = await storedReceipts(plugin, timestamp);
  const encryption = plugin.hostKeys && context.config.encryption;
  const source = { ...ended, receipts: all.receipts };
  const told = await toldBySource(store, source, encryption !== undefined);
  if (told === undefined && all.unreadable.length > 0)
    throw unfinished(timestamp, { ...all, finish }, 'config.yaml has no receipt that can be read');
  if (told === undefined) return undefined;
  if ((await store.head(formatKey({ kind: 'seal', timestamp }))) !== undefined) return undefined;
  const plain = plannedSet(told, context.config, store.url);
  const { receipts, failures: contradictions } = neededReceipts(plain, all, { ...context, finish });
  const { restoreplan } = told.config;
  const digestKey = encryption && (await digestKeyOf(context, encryption));
  const older = await olderSets(store, plain, {
    ...{ restoreplan, encrypts: encryption !== undefined },
    unproven: digestKey && unprovenOlder(functionDeps(context, store), digestKey),
  });
  const setKey = encryption && (await storeNewSetKey(context, encryption, store, timestamp));
  const plan = setKey === undefined ? plain : encryptedPlan(plain, setKey, { older, receipts });
  const failures = [
    ...statusFailures(told.config, timestamp),
    ...older.failures,
    ...contradictions,
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
    ...(setKey && older.hostKeys.length > 0 && { older: [...older.hostKeys] }),
  };
  const proven = withMacs(seal, setKey && { setKey, digestKey });
  await store.create(formatKey({ kind: 'seal', timestamp }), encode(Seal, proven));
  return plan;
}

/** What gpbackup says of its backup; undefined when it has stored no config.yaml. */
async function toldBySource(
  store: ObjectStore,
  { timestamp, folder, receipts }: EndedBackup & { readonly receipts: StoredReceipts },
  isSealed: boolean,
): Promise<CoordinatorFiles | undefined> {
  const read = isSealed
    ? localSources(folder, timestamp, receipts)
    : storedSources(store, timestamp);
  const configText = await read('config.yaml');
  if (configText === undefined) return undefined;
  const [toc, metadata] = [await read('toc.yaml'), await read('metadata.sql')];
  const stored = [...receipts.keys()].filter((name) => isOfCoordinator(name, timestamp));
  return {
    timestamp,
    stored,
    config: parsed('config.yaml', () => parseDocument(SealedConfig, configText)),
    tables: toc === undefined ? [] : parsed('toc.yaml', () => parseDocument(Toc, toc)).dataentries,
    metadata: metadata?.toString('latin1', 0, 1000) ?? '',
  };
}

function isOfCoordinator(name: string, timestamp: string): boolean {
  const file = parseFileName(name);
  return file?.content === -1 && file.timestamp === timestamp;
}

/** The plan says which keys seal its files, and which one proves it. */
function encryptedPlan(
  plan: Plan,
  setKey: Buffer,
  { older, receipts }: { older: OlderSets; receipts: StoredReceipts },
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
  receipts: StoredReceipts,
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

/** The receipts that count: those of expected files. */
function sealPart({ timestamp, files }: Plan, content: number, receipts: StoredReceipts): SealPart {
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
