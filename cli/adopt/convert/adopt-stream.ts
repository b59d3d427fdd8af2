import { eachInFlight } from '../../../async/each-in-flight.ts';
import type { Name } from '../../../backup-set/base/document.ts';
import { asStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { noProgress, type ShipperDeps } from '../../../segment-shipper/deps.ts';
import type { Report } from '../../../segment-shipper/protocol/control.ts';
import { rateLimit } from '../../../segment-shipper/rate/throttle.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { BackupResult } from '../../backup/coordinate.ts';
import { storeSeal } from '../../backup/documents/seal.ts';
import { type BackupKeys, newBackupKeys } from '../../backup/keys/backup-keys.ts';
import { storeSetKey } from '../../backup/keys/store-set-key.ts';
import type { Shipped } from '../../backup/ship.ts';
import { addReport, newTally } from '../../backup/tally.ts';
import type { ClusterContext } from '../../context.ts';
import { memoryFor, nothingWitnessed, verdictOn } from './adopt-source.ts';
import { failureOf } from './failure.ts';
import { adoptionPlan, storeAdoptionPlan } from './plan.ts';
import { sealedPlan, sealingOfContent } from './sealed.ts';
import { ATTEMPT, type FileWriter, shipDefinitions, shipParts } from './ship-content.ts';
import {
  type AdoptedSource,
  type CountedRelation,
  nameIn,
  relationKey,
  type SourcePart,
} from './source.ts';

/** The plan, the definitions and the seal of an interrupted adoption have so much time. */
const ENDING_MS_MAX = 60_000;

/** Rows that can be read once only: from a pipe. */
export interface StreamedContent {
  readonly content: number;
  read(signal: AbortSignal): AsyncIterable<SourcePart>;
}

/** What was stored of such rows, before it is known what the set must have. */
export interface StoredStream {
  readonly startedAt: Date;
  /** Per content, what its rows are. */
  readonly counted: ReadonlyMap<number, readonly CountedRelation[]>;
  readonly failures: Shipped['failures'];
  readonly ids: ReadonlyMap<string, number>;
  readonly reports: readonly { readonly content: number; readonly report: Report }[];
  readonly files: FileWriter;
  readonly keys: BackupKeys | undefined;
  /** Before the first object, and only once. */
  readonly storeKey: () => Promise<void>;
}

/**
 * Stores the rows of a source that can be read once. The set has no plan then: `sealStream` must
 * follow, also after a failure, so that the set is seen to be incomplete.
 * @param definitions the content whose files are definitions.
 */
export async function storeStream(
  context: ClusterContext,
  store: ObjectStore,
  timestamp: string,
  { contents, definitions }: { contents: readonly StreamedContent[]; definitions: number },
): Promise<StoredStream> {
  const startedAt = context.clock();
  const keys = await newBackupKeys(context.config);
  const storeKey = storesKeyOnce({ context, store, plan: { timestamp, root: store.url }, keys });
  const { frameBytes, packBytes, zstdLevel } = context.config.backup;
  const memory = memoryFor(frameBytes, zstdLevel, Math.max(1, contents.length));
  const { throttle } = rateLimit(context.config.shippers.maxRateBytes);
  const [ids, counted] = [new Map<string, number>(), new Map<number, CountedRelation[]>()];
  const reports: { content: number; report: Report }[] = [];
  const failures: { content: number; error: StowageError }[] = [];
  const progress = new Map<number, Report>();
  const names = new Map<number, Name>();
  const depsOf = (content: number): ShipperDeps => ({
    store,
    clock: context.clock,
    log: context.log.child({ content }),
    report: (report: Report) => {
      if (report.type === 'receipt') reports.push({ content, report });
      if (report.type === 'progress') progress.set(content, report);
    },
    progress: noProgress(),
    throttle,
    signal: context.signal,
    sealing: sealingOfContent(keys, { timestamp, content }, (id) => names.get(id)),
  });
  const files = { timestamp, content: definitions, deps: depsOf(definitions), stored: 0 };
  const idOf = (key: string) => {
    const id = ids.get(key) ?? ids.size;
    ids.set(key, id);
    if (!names.has(id)) names.set(id, nameIn(key));
    return id;
  };
  await eachInFlight(contents, Math.max(1, contents.length), async ({ content, read }) => {
    const found = new Map<string, CountedRelation>();
    const writer = { timestamp, content, attempt: ATTEMPT, packBytes };
    const takes = {
      idOf,
      onRows: (key: string, rows: CountedRelation) => void found.set(key, rows),
    };
    const deps = depsOf(content);
    const parts = after(storeKey, read(context.signal));
    await shipParts(parts, { writer, ...memory }, deps, files, takes).catch((error: unknown) =>
      failures.push({ content, error: failureOf(error) }),
    );
    counted.set(content, [...found.values()]);
  });
  for (const [content, report] of progress) reports.push({ content, report });
  return { startedAt, counted, failures, ids, reports, files, keys, storeKey };
}

/** Writes what the set must have, its definitions and its seal, and waits for the verdict. */
export async function sealStream(
  context: ClusterContext,
  store: ObjectStore,
  source: AdoptedSource,
  { startedAt, counted, failures, ids, reports, files, keys, storeKey }: StoredStream,
  waitMs: number,
): Promise<BackupResult> {
  const ending = AbortSignal.timeout(ENDING_MS_MAX);
  const found = adoptionPlan(context.config, source, startedAt, store.url, ids);
  const drafted = sealedPlan(found, keys);
  const { plan } = drafted;
  await storeAdoptionPlan(store, plan, ending);
  const all = [
    ...failures,
    ...source.failures.map(({ content, message }) => ({
      content,
      error: new StowageError('adopt/unsound', message),
    })),
  ];
  const tally = newTally(plan);
  const add = (content: number, report: Report) => {
    const into = tally.contents.get(content);
    if (into !== undefined) addReport(into, report, ATTEMPT);
  };
  for (const { content, report } of reports) add(content, report);
  for (const [content, relations] of counted) {
    for (const relation of relations) {
      const id = drafted.ids.get(relationKey(relation));
      if (id !== undefined)
        add(content, {
          type: 'relation',
          relation: id,
          rows: relation.rows,
          bytes: relation.bytes,
        });
    }
  }
  const deps: ShipperDeps = {
    ...files.deps,
    signal: ending,
    report: (report) => add(files.content, report),
  };
  await storeKey()
    .then(() => shipDefinitions(source.metadata, { ...files, deps }))
    .catch((error: unknown) => all.push({ content: files.content, error: asStowageError(error) }));
  const stated = await storeSeal({ store, plan, tally, context, keys }, { failures: all });
  const verdict = await verdictOn(context, store, plan, waitMs);
  return {
    timestamp: plan.timestamp,
    status: verdict?.status ?? 'unproven',
    verdict,
    plan,
    tally,
    failures: stated,
    witnessed: nothingWitnessed(plan.relations.length),
    elapsedMs: context.clock().getTime() - startedAt.getTime(),
  };
}

/** A database that is read and not taken must leave nothing in the store, also no key. */
function storesKeyOnce(set: Parameters<typeof storeSetKey>[0]): () => Promise<void> {
  let stored: Promise<void> | undefined;
  const storeNow = async () => {
    const [failure] = await storeSetKey(set);
    if (failure !== undefined) throw failure.error;
  };
  return () => (stored ??= storeNow());
}

async function* after<T>(first: () => Promise<void>, items: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const item of items) {
    await first();
    yield item;
  }
}
