import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { unmatchedIncludes } from '../../backup-set/base/selection.ts';
import type { Verdict } from '../../backup-set/base/verdict.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { Plan } from '../../backup-set/documents/plan.ts';
import type { HeldSnapshot } from '../../database/flavour.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { selectionOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { flavourOf } from '../flavour.ts';
import { withStore } from '../open.ts';
import {
  decidingVerdict,
  functionDeps,
  waitForFunctions,
  withoutInterruption,
} from '../wait-for-functions.ts';
import { shipByAgents } from './agents.ts';
import { type Draft, draftPlan, storePlan } from './plan.ts';
import { showBackupProgress } from './progress.ts';
import { storeSeal } from './seal.ts';
import { type Shipped, ship } from './ship.ts';
import { newTally, type Tally } from './tally.ts';

/** What a backup run ended with. */
export interface BackupResult {
  readonly timestamp: string;
  /** `unproven`: everything was shipped and sealed, and no function has judged the set yet. */
  readonly status: Verdict['status'] | 'unproven';
  readonly verdict: Verdict | undefined;
  readonly plan: Plan;
  readonly tally: Tally;
  readonly failures: Shipped['failures'];
  readonly elapsedMs: number;
}

export interface BackupOptions {
  /** How long to wait for the functions' word when storage events trigger them. */
  readonly waitMs: number;
}

/** Takes one backup: snapshot → plan → ship → seal → proof. */
export async function runBackup(
  context: ClusterContext,
  options: BackupOptions,
): Promise<BackupResult> {
  return withStore(context, async (store) => {
    const startedAt = context.clock();
    const held = await takeSnapshot(context);
    let recorded: { plan: Plan; tally: Tally; failures: Shipped['failures'] };
    try {
      const draft = draftPlan(context.config, held, startedAt, store.url);
      const plan = await storePlan(store, draft, startedAt, context.signal);
      notePlan(context, plan);
      recorded = await shipAndSeal(context, store, plan, draft, held);
    } finally {
      await held.release();
    }
    const { plan, tally, failures } = recorded;
    const verdict = await waitForVerdict(context, store, plan, options);
    return {
      timestamp: plan.timestamp,
      status: verdict?.status ?? 'unproven',
      verdict,
      plan,
      tally,
      failures,
      elapsedMs: context.clock().getTime() - startedAt.getTime(),
    };
  });
}

async function takeSnapshot(context: ClusterContext): Promise<HeldSnapshot> {
  const { config, signal, output } = context;
  const held = await flavourOf(context)
    .takeSnapshot({
      selection: selectionOf(config),
      lockTimeoutMs: config.backup.lockTimeoutMs,
      attemptsMax: config.backup.lockAttempts,
      mechanism: config.backup.snapshot,
      connections: config.shippers.workers,
      signal,
      onBlocked: (blocked) => {
        const who = blocked.blockers
          .map(({ pid, user, query }) => `pid ${pid} (${user}): ${query}`)
          .join('; ');
        output.note(
          'blocked',
          { ...blocked },
          `waiting for locks on content ${blocked.content}, attempt ${blocked.attempt}: ${who || blocked.relation}`,
        );
      },
    })
    .catch((error: unknown) => suggestDispatch(context, error));
  const unmatched = unmatchedIncludes(
    selectionOf(config),
    held.nodes.flatMap(({ relations, notShipped }) => [...relations, ...notShipped]),
  );
  if (unmatched.length > 0) {
    await held.release();
    throw new StowageError(
      'config/invalid',
      `no schema or table of database ${config.database} is called ${unmatched.join(', ')}`,
      { where: { field: 'backup.include' } },
    );
  }
  if (held.nodes.every(({ relations }) => relations.length === 0)) {
    await held.release();
    throw new StowageError(
      'backup/empty',
      `database ${config.database} has no table that this backup would ship; is the selection right?`,
    );
  }
  return held;
}

/** Greenplum has a way without a barrier; whoever cannot have one is told so. */
function suggestDispatch({ config }: ClusterContext, error: unknown): never {
  if (config.flavour !== 'greenplum' || config.backup.snapshot !== 'barrier') throw error;
  if (!isStowageError(error, 'database/locked')) throw error;
  const message = `${error.message}; \`stowage backup --snapshot dispatch\` needs no writer to stop`;
  throw new StowageError(error.code, message, { cause: error, where: error.where });
}

async function shipAndSeal(
  context: ClusterContext,
  store: ObjectStore,
  plan: Plan,
  draft: Draft,
  held: HeldSnapshot,
) {
  const tally = newTally(plan);
  const progress = showBackupProgress(context, plan, draft, tally);
  try {
    const shipped =
      context.config.shippers.start === 'agents'
        ? await shipByAgents(context, store, plan, draft, held, tally)
        : await ship(context, plan, draft, held, tally);
    const failures = await storeSeal(store, plan, tally, shipped, context.clock, context.signal);
    return { plan, tally, failures };
  } finally {
    progress.stop();
  }
}

/** The functions' word on the set; theirs, not ours, decides the exit code. */
async function waitForVerdict(
  context: ClusterContext,
  store: ObjectStore,
  { timestamp }: Plan,
  { waitMs }: BackupOptions,
) {
  const deps = withoutInterruption(functionDeps(context, store));
  const seal = formatKey({ kind: 'seal', timestamp });
  // An interrupted run still has its set judged where that is ours to do, so that nobody takes it for one under way.
  const limitMs = context.signal.aborted ? 0 : waitMs;
  await waitForFunctions(
    context,
    deps,
    [seal],
    async () => (await decidingVerdict(deps, timestamp)) !== undefined,
    limitMs,
  );
  return decidingVerdict(deps, timestamp);
}

function notePlan({ output }: ClusterContext, plan: Plan): void {
  const { writerWaitMs, attempts } = plan.snapshot;
  output.note(
    'snapshot',
    { timestamp: plan.timestamp, ...plan.snapshot },
    `set ${plan.timestamp}: snapshot of ${plural(plan.contents.length, 'segment')} and ${plural(plan.relations.length, 'table')} ` +
      `(writers waited ${writerWaitMs} ms at most, ${plural(attempts, 'attempt')})`,
  );
}
