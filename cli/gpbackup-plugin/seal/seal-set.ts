import { digestOf, encode, FORMAT_VERSION, sha256 } from '../../../backup-set/base/document.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { Seal, SealPart } from '../../../backup-set/documents/seal.ts';
import { expectedFiles } from '../../../backup-set/files/expected.ts';
import { setKeyId } from '../../../frame/seal/derive.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { parseDocument, Toc } from '../../adopt/gpbackup/documents.ts';
import { UnsoundScript } from '../../adopt/script/unsound.ts';
import { withMacs } from '../../backup/documents/seal.ts';
import type { ClusterContext } from '../../context.ts';
import type { Plugin } from '../store-file.ts';
import { type OlderSets, olderSets } from './older-sets.ts';
import { type CoordinatorFiles, plannedSet, SealedConfig } from './planned.ts';
import { type StoredReceipts, storedReceipts } from './receipts.ts';
import { digestKeyOf, hostKeyIds, keyFailures, storeNewSetKey } from './seal-keys.ts';
import { localSources, storedSources } from './source-files.ts';

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
  ended: EndedBackup,
): Promise<Plan | undefined> {
  const { store, clock } = plugin;
  const { timestamp } = ended;
  const all = await storedReceipts(plugin, timestamp);
  const { receipts } = all;
  const encryption = plugin.hostKeys && context.config.encryption;
  const told = await toldBySource(store, { ...ended, receipts }, encryption !== undefined);
  if (told === undefined) return undefined;
  if ((await store.head(formatKey({ kind: 'seal', timestamp }))) !== undefined) return undefined;
  const plain = plannedSet(told, context.config, store.url);
  const { restoreplan } = told.config;
  const older = await olderSets(store, plain, { restoreplan, encrypts: encryption !== undefined });
  const setKey = encryption && (await storeNewSetKey(context, encryption, store, timestamp));
  const plan = setKey === undefined ? plain : encryptedPlan(plain, setKey, { older, receipts });
  const failures = [
    ...statusFailures(told.config, timestamp),
    ...older.failures,
    ...all.failures,
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
  const digestKey = encryption && (await digestKeyOf(context, encryption));
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
  const stored = [...receipts.values()].filter(({ receipt }) => receipt.content === -1);
  return {
    timestamp,
    stored: stored.map(({ receipt }) => receipt.file),
    config: parsed('config.yaml', () => parseDocument(SealedConfig, configText)),
    tables: toc === undefined ? [] : parsed('toc.yaml', () => parseDocument(Toc, toc)).dataentries,
    metadata: metadata?.toString('latin1', 0, 1000) ?? '',
  };
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
