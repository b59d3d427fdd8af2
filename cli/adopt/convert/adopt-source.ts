import { eachInFlight } from '../../../async/each-in-flight.ts';
import { asStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { Plan } from '../../../backup-set/documents/plan.ts';
import { COORDINATOR } from '../../../backup-set/restore/phases.ts';
import { cuttingFor } from '../../../database/copy-wire/cutting.ts';
import { zstd } from '../../../frame/zstd/zstd.ts';
import { arenaFor } from '../../../segment-shipper/backup/block-memory.ts';
import { levelOf } from '../../../segment-shipper/backup/level.ts';
import { noProgress, type ShipperDeps } from '../../../segment-shipper/deps.ts';
import type { Report } from '../../../segment-shipper/protocol/control.ts';
import { rateLimit } from '../../../segment-shipper/rate/throttle.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { BackupResult } from '../../backup/coordinate.ts';
import { storeSeal } from '../../backup/documents/seal.ts';
import { type BackupKeys, newBackupKeys } from '../../backup/keys/backup-keys.ts';
import { storeSetKey } from '../../backup/keys/store-set-key.ts';
import type { Shipped } from '../../backup/ship.ts';
import { addReport, newTally, type Tally } from '../../backup/tally.ts';
import type { ClusterContext } from '../../context.ts';
import { showProgress } from '../../output/progress.ts';
import {
  decidingVerdict,
  functionDeps,
  waitForFunctions,
  withoutInterruption,
} from '../../wait-for-functions.ts';
import { failureOf } from './failure.ts';
import { adoptionPlan, storeAdoptionPlan } from './plan.ts';
import { sealedPlan, sealingOfContent } from './sealed.ts';
import { ATTEMPT, type Shipment, shipContent, shipDefinitions } from './ship-content.ts';
import type { AdoptedSource } from './source.ts';

/** Each decompresses, cuts and compresses with more than a core. */
const CONTENTS_AT_ONCE = 4;

/**
 * Writes a set that was judged as a set of ours: plan, frames, receipts, seal, and waits for the
 * verdict of the functions.
 * @throws StowageError `adopt/exists`. A failure after the plan is in the seal.
 */
export async function adoptSource(
  context: ClusterContext,
  store: ObjectStore,
  source: AdoptedSource,
  waitMs: number,
): Promise<BackupResult> {
  const startedAt = context.clock();
  const keys = await keysFor(context, source);
  const drafted = sealedPlan(adoptionPlan(context.config, source, startedAt, store.url), keys);
  const { plan } = drafted;
  await storeAdoptionPlan(store, plan, context.signal);
  const tally = newTally(plan);
  const workers = Math.min(CONTENTS_AT_ONCE, Math.max(1, source.contents.length));
  const shipment: Shipment = {
    ...drafted,
    ...memoryFor(plan.frameBytes, plan.compression.level, workers),
  };
  const run = { shipment, tally, workers, keys };
  const unkeyed = await storeSetKey({ context, store, plan, keys });
  const shipped =
    unkeyed.length > 0 ? { failures: unkeyed } : await ship(context, store, source, run);
  const failures = await storeSeal({ store, plan, tally, context, keys }, shipped);
  const verdict = await verdictOn(context, store, plan, waitMs);
  return {
    timestamp: plan.timestamp,
    status: verdict?.status ?? 'unproven',
    verdict,
    plan,
    tally,
    failures,
    witnessed: nothingWitnessed(plan.relations.length),
    elapsedMs: context.clock().getTime() - startedAt.getTime(),
  };
}

async function keysFor(
  { config }: ClusterContext,
  { originalKey }: AdoptedSource,
): Promise<BackupKeys | undefined> {
  const keys = await newBackupKeys(config);
  return keys && { ...keys, originalKey };
}

/** The memory and the encoder for so many contents side by side. */
export function memoryFor(
  frameBytes: number,
  level: Plan['compression']['level'],
  workers: number,
): Pick<Shipment, 'arena' | 'compression'> {
  return {
    arena: arenaFor(workers, frameBytes),
    compression: {
      encoder: zstd.createEncoder(cuttingFor(frameBytes).blockBytesMax),
      level: levelOf(level, workers, () => performance.now()),
    },
  };
}

/** No server is asked, so every table is read. */
export const nothingWitnessed = (tables: number): BackupResult['witnessed'] => ({
  tables,
  readTables: tables,
  partTables: 0,
  reasons: [],
  unavailable: [],
});

interface Run {
  readonly shipment: Shipment;
  readonly tally: Tally;
  readonly workers: number;
  readonly keys: BackupKeys | undefined;
}

async function ship(
  context: ClusterContext,
  store: ObjectStore,
  source: AdoptedSource,
  { shipment, tally, workers, keys }: Run,
): Promise<Shipped> {
  const { throttle } = rateLimit(context.config.shippers.maxRateBytes);
  const failures: { content: number | undefined; error: StowageError }[] = source.failures.map(
    ({ content, message }) => ({ content, error: new StowageError('adopt/unsound', message) }),
  );
  const { timestamp, relations } = shipment.plan;
  const depsOf = (content: number): ShipperDeps => ({
    store,
    clock: context.clock,
    log: context.log.child({ content }),
    report: (report: Report) => {
      const counted = tally.contents.get(content);
      if (counted !== undefined) addReport(counted, report, ATTEMPT);
    },
    progress: noProgress(),
    throttle,
    signal: context.signal,
    sealing: sealingOfContent(keys, { timestamp, content }, (id) => relations[id]),
  });
  const progress = progressOf(context, source, tally);
  const content = source.flavour === 'shards' ? 0 : COORDINATOR;
  const files = { timestamp, content, deps: depsOf(content), stored: 0 };
  try {
    await shipDefinitions(source.metadata, files);
    await eachInFlight(source.contents, workers, (content) =>
      shipContent(content, shipment, depsOf(content.content), files).catch((error: unknown) => {
        failures.push({ content: content.content, error: failureOf(error) });
        throw error;
      }),
    );
  } catch (error) {
    // A failure of content −1 is not listed yet.
    if (failures.length === source.failures.length)
      failures.push({ content: undefined, error: asStowageError(error) });
  } finally {
    progress.stop();
  }
  return { failures };
}

function progressOf(context: ClusterContext, { contents }: AdoptedSource, tally: Tally) {
  const whole = new Map(
    contents.map(({ content, relations }) => [
      content,
      relations.reduce((sum, { bytes }) => sum + bytes, 0),
    ]),
  );
  return showProgress(context, { what: 'adoption', title: 'adopt', shows: 'backup' }, () =>
    [...tally.contents.values()].map((counted) => {
      const bytes = whole.get(counted.content) ?? 0;
      return {
        content: counted.content,
        host: contents.find(({ content }) => content === counted.content)?.host ?? '',
        rows: counted.rows,
        bytes: counted.bytes,
        storedBytes: counted.storedBytes,
        relationsDone: counted.relations.length,
        relationsPlanned: counted.relationsPlanned,
        current: counted.current,
        fraction: bytes === 0 ? undefined : Math.min(1, counted.bytes / bytes),
      };
    }),
  );
}

export async function verdictOn(
  context: ClusterContext,
  store: ObjectStore,
  { timestamp }: Plan,
  waitMs: number,
) {
  const deps = withoutInterruption(functionDeps(context, store));
  const isDone = async () => (await decidingVerdict(deps, timestamp)) !== undefined;
  await waitForFunctions(context, deps, {
    keys: [formatKey({ kind: 'seal', timestamp })],
    what: `the verdict on set ${timestamp}`,
    isDone,
    waitMs: context.signal.aborted ? 0 : waitMs,
  });
  return decidingVerdict(deps, timestamp);
}
