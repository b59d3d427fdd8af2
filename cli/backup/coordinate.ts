import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { isEverything, unmatchedIncludes } from '../../backup-set/base/selection.ts';
import type { Verdict } from '../../backup-set/base/verdict.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { Plan } from '../../backup-set/documents/plan.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import type { HeldSnapshot, Server } from '../../database/flavour.ts';
import { requireStillLiving } from '../../functions/retention/marks.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { noteExpansion } from '../cluster/expansion.ts';
import { requireCluster } from '../cluster/require.ts';
import { selectionOf } from '../config/config.ts';
import { mechanismOf, serversRead } from '../config/through.ts';
import type { ClusterContext } from '../context.ts';
import { flavourOf } from '../flavour.ts';
import { requireAgentRecipients } from '../keys/for-agents/agent-keys.ts';
import { signingKeyOf } from '../keys/for-agents/signed-restore.ts';
import { withStore } from '../open.ts';
import { duration } from '../output/format.ts';
import { noteSilence } from '../output/silence.ts';
import { noteUnfinished } from '../restore/unfinished.ts';
import { requireShippers } from '../shippers/check-hosts.ts';
import {
  decidingVerdict,
  functionDeps,
  waitForFunctions,
  withoutInterruption,
} from '../wait-for-functions.ts';
import { shipByAgents } from './agents.ts';
import type { ChosenBase } from './base/candidate.ts';
import { chooseBase, type WantedBase } from './base/choose.ts';
import { withBase } from './base/plan-base.ts';
import { noteBlocked } from './blocked.ts';
import { recordCountsOfShipper } from './dispatch.ts';
import { type GroupRun, joinGroup } from './documents/group.ts';
import { type Draft, draftPlan, sizeOf, storePlan } from './documents/plan.ts';
import { storeSeal } from './documents/seal.ts';
import { type BackupKeys, encryptionOf, newBackupKeys } from './keys/backup-keys.ts';
import { storeSetKey } from './keys/store-set-key.ts';
import { showBackupProgress } from './progress.ts';
import type { BackupRun } from './run.ts';
import { type Shipped, ship } from './ship.ts';
import { showSteps } from './steps.ts';
import { suggestOtherWay } from './suggest.ts';
import { newTally, type Tally } from './tally.ts';
import { decideContents, withDecided } from './witness/decide.ts';
import { type WitnessOutcome, witnessOutcome } from './witness/outcome.ts';
import { type PreparedWitnesses, prepareWitnesses, whileServersFlush } from './witness/prepare.ts';
import { storeWitnesses } from './witness/store.ts';

/** The result of a backup. */
export interface BackupResult {
  readonly timestamp: string;
  /** `unproven`: everything was shipped and sealed, and no function has written a verdict yet. */
  readonly status: Verdict['status'] | 'unproven';
  readonly verdict: Verdict | undefined;
  readonly plan: Plan;
  readonly tally: Tally;
  readonly failures: Shipped['failures'];
  readonly witnessed: WitnessOutcome;
  readonly elapsedMs: number;
}

export interface BackupOptions {
  /** How long to wait for the verdict when storage events trigger the functions. */
  readonly waitMs: number;
  /** Back up also when the cluster differs from the newest set of the root. */
  readonly acceptCluster?: boolean;
  /** The run over several databases that this backup is part of. */
  readonly group?: GroupRun;
  /** Absent = as `backup.carry` says: the newest set that fits, or none. */
  readonly base?: WantedBase;
  /** Blocks per range of a large table; tests have small tables. */
  readonly rangeBlocks?: number;
}

/** Takes one backup: checks → snapshot → plan → ship → seal → verdict. */
export async function runBackup(
  given: ClusterContext,
  options: BackupOptions,
): Promise<BackupResult> {
  const { carry } = given.config.backup;
  return withStore(given, async (store) => {
    const context = { ...given, signingKey: await signingKeyOf(given.config) };
    const startedAt = context.clock();
    const servers = await requireCluster(context, store, options.acceptCluster === true);
    const read = serversRead(context.config, servers);
    await requireShippers(context, read).catch((error) => suggestOtherWay(context, error));
    const keys = await newBackupKeys(context.config);
    const segments = read.map(({ segment }) => segment);
    await noteUnfinished(context, segments);
    if (keys !== undefined) requireAgentRecipients(context, segments);
    const wanted = options.base ?? (carry ? 'newest' : 'none');
    const base = await chooseBase(context, store, wanted, keys);
    const prepared = await whileServersFlush(context, () =>
      prepareWitnesses(context, segments, options.rangeBlocks),
    );
    const held = await takeSnapshot(context, prepared, servers);
    let recorded: Pick<BackupResult, 'plan' | 'tally' | 'failures' | 'witnessed'>;
    try {
      const drafted = draftPlan(context.config, held, startedAt, store.url, read);
      const based = base ? { ...drafted, body: withBase(drafted.body, base) } : drafted;
      const deciding = { draft: based, held, prepared, startedAt };
      const decide = () => decideContents(context, store, deciding);
      const decided = withDecided(based, await whileServersFlush(context, decide));
      const grouped = { ...decided, ...(options.group && { group: options.group }) };
      const draft = withKeys(grouped, keys, base);
      const plan = await storePlan(store, draft, startedAt, context.signal);
      joinGroup(options.group, plan);
      // The plan names the base: an expiry that has not seen it wrote its tombstone before.
      if (plan.base) await requireStillLiving(functionDeps(context, store), plan.base.timestamp);
      notePlan(context, plan);
      noteExpansion(context, held);
      const tally = newTally(plan, draft.decided);
      const failures = await shipAndSeal({ context, store, plan, draft, held, tally, keys });
      const witnessed = witnessOutcome(plan, draft.decided, prepared);
      recorded = { plan, tally, failures, witnessed };
    } finally {
      await held.release();
    }
    const { plan } = recorded;
    const verdict = await waitForVerdict(context, store, plan, options);
    return {
      timestamp: plan.timestamp,
      status: verdict?.status ?? 'unproven',
      verdict,
      ...recorded,
      elapsedMs: context.clock().getTime() - startedAt.getTime(),
    };
  });
}

/** The plan says that the set is encrypted, and by which keys it and its base are. */
function withKeys(draft: Draft, keys: BackupKeys | undefined, base: ChosenBase | undefined): Draft {
  if (keys === undefined) return draft;
  const { body } = draft;
  const features = [...(body.features ?? []), 'encrypted' as const];
  const encryption = encryptionOf(keys, body.base && base?.manifest);
  return { ...draft, body: { ...body, features, encryption } };
}

async function takeSnapshot(
  context: ClusterContext,
  { underBarrier }: PreparedWitnesses,
  servers: readonly Server[],
): Promise<HeldSnapshot> {
  const { config, signal } = context;
  using steps = showSteps(context);
  const held = await flavourOf(context)
    .takeSnapshot({
      selection: { ...selectionOf(config), unloggedRows: config.backup.unloggedRows },
      lockTimeoutMs: config.backup.lockTimeoutMs,
      attemptsMax: config.backup.lockAttempts,
      mechanism: mechanismOf(config),
      servers,
      connections: config.shippers.workers,
      smallTableBytes: config.backup.smallTableBytes,
      signal,
      ...(underBarrier && { underBarrier }),
      onStep: steps.begin,
      onBlocked: noteBlocked(context),
      onWaiting: (note) => noteSilence(context.output, COORDINATOR, note),
    })
    .catch((error: unknown) => suggestOtherWay(context, error));
  const unmatched = unmatchedIncludes(
    selectionOf(config),
    held.nodes.flatMap(({ relations, notShipped }) => [...relations, ...notShipped]),
  );
  if (unmatched.length > 0) {
    await held.release();
    throw new StowageError(
      'config/invalid',
      `these patterns match no schema or table of database ${config.database}: ${unmatched.join(', ')}`,
      { where: { field: 'backup.include' } },
    );
  }
  // Without a selection, a database may have no tables: its other objects are backed up.
  const isEmpty = held.nodes.every(({ relations }) => relations.length === 0);
  if (isEmpty && !isEverything(selectionOf(config))) {
    await held.release();
    throw new StowageError(
      'backup/empty',
      `no table of database ${config.database} is selected for backup: check backup.include…, backup.exclude… and the flags of the same names`,
    );
  }
  return held;
}

const shipAll = (run: BackupRun): Promise<Shipped> =>
  run.context.config.shippers.start === 'agents' ? shipByAgents(run) : ship(run);

async function shipAndSeal(run: BackupRun): Promise<Shipped['failures']> {
  const progress = showBackupProgress(run);
  try {
    const failures = [...(await storeSetKey(run)), ...(await storeWitnesses(run))];
    const shipped = failures.length > 0 ? { failures } : await shipAll(run);
    // Sessions of the database may wait for its locks, and the store may be slow.
    if (shipped.failures.length > 0) await run.held.release();
    recordCountsOfShipper(run);
    return await storeSeal(run, shipped);
  } finally {
    progress.stop();
  }
}

/** The verdict of the functions on the set; it decides the exit code. */
async function waitForVerdict(
  context: ClusterContext,
  store: ObjectStore,
  { timestamp }: Plan,
  { waitMs }: BackupOptions,
) {
  const deps = withoutInterruption(functionDeps(context, store));
  const seal = formatKey({ kind: 'seal', timestamp });
  // After an interruption inline functions still run: without a verdict the set would look open.
  const limitMs = context.signal.aborted ? 0 : waitMs;
  const isDone = async () => (await decidingVerdict(deps, timestamp)) !== undefined;
  const what = `the verdict on set ${timestamp}`;
  await waitForFunctions(context, deps, { keys: [seal], what, isDone, waitMs: limitMs });
  return decidingVerdict(deps, timestamp);
}

function notePlan({ output }: ClusterContext, plan: Plan): void {
  const { writerWaitMs, attempts } = plan.snapshot;
  const { segments, tables } = sizeOf(plan);
  const from =
    plan.snapshot.mechanism === 'coordinator' ? 'the coordinator' : plural(segments, 'segment');
  output.note(
    'snapshot',
    { timestamp: plan.timestamp, segments, tables, ...plan.snapshot },
    `set ${plan.timestamp}: snapshot of ${from} and ${plural(tables, 'table')} ` +
      `(writers were blocked for at most ${duration(writerWaitMs)}; tables locked at attempt ${attempts})`,
  );
}
