import { pause } from '../../async/poll.ts';
import { encode } from '../../backup-set/base/document.ts';
import { asStowageError, isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey, type Phase, parseKey, phasePrefix } from '../../backup-set/base/keys.ts';
import { type RestorePlan, RestoreReceipt } from '../../backup-set/documents/restore.ts';
import { failedReceipt } from '../../backup-set/restore/failed-receipt.ts';
import { contentsIn } from '../../backup-set/restore/phases.ts';
import type { Segment } from '../../database/flavour.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import type { RestoreShippers } from './shippers.ts';

const POLL_MS = 500;
/** The last words of an interrupted restore get their own, short, time. */
const DISMISS_MS_MAX = 30_000;

/**
 * The crew of a restore whose shippers are resident: nobody is started, their receipts are awaited. Who does not take its
 * order in time, or is at work when we are interrupted, is dismissed by a failed receipt.
 */
export function agentRestoreShippers(
  context: ClusterContext,
  store: ObjectStore,
  plan: RestorePlan,
  segments: readonly Segment[],
): RestoreShippers {
  return {
    async carryOut(phase) {
      await waitForReceipts(context, store, plan, phase, segments);
      return contentsIn(phase, plan).map((content) => receiptKey(plan, phase, content));
    },
    // They stay, for other restores.
    finish: () => Promise.resolve(),
    abort: () => Promise.resolve(),
  };
}

async function waitForReceipts(
  context: ClusterContext,
  store: ObjectStore,
  plan: RestorePlan,
  phase: Phase,
  segments: readonly Segment[],
): Promise<void> {
  const { clock, signal, config, output } = context;
  const awaited = contentsIn(phase, plan);
  const noted = new Set<string>();
  const startedAt = clock();
  const until = startedAt.getTime() + config.shippers.claimSeconds * 1000;
  for (;;) {
    const claimed = await contentsOf(store, plan.id, 'claims', phase);
    const answered = await contentsOf(store, plan.id, 'receipts', phase);
    for (const [event, contents] of [
      ['claimed', claimed],
      ['answered', answered],
    ] as const) {
      for (const content of contents) {
        if (noted.has(`${event} ${content}`)) continue;
        noted.add(`${event} ${content}`);
        const doing = event === 'claimed' ? 'an agent begins' : 'answered';
        output.note(event, { phase, content }, `${phase}: content ${content}: ${doing}`);
      }
    }
    const missing = awaited.filter((content) => !answered.has(content));
    if (missing.length === 0) return;
    // Who has begun may be amid long work, and is waited for.
    const late =
      clock().getTime() >= until ? missing.filter((content) => !claimed.has(content)) : [];
    for (const content of signal.aborted ? missing : late)
      await storeFailedReceipt(context, store, plan, { phase, content, startedAt, segments });
    if (signal.aborted) return;
    await pause(POLL_MS, signal);
  }
}

async function contentsOf(
  store: ObjectStore,
  restore: string,
  what: 'claims' | 'receipts',
  phase: Phase,
): Promise<ReadonlySet<number>> {
  const contents = new Set<number>();
  for await (const object of store.list(phasePrefix(restore, what, phase))) {
    const key = parseKey(object.key);
    if (key !== undefined && 'content' in key) contents.add(key.content);
  }
  return contents;
}

interface FailedOrder {
  readonly phase: Phase;
  readonly content: number;
  readonly startedAt: Date;
  readonly segments: readonly Segment[];
}

async function storeFailedReceipt(
  { clock, signal, config }: ClusterContext,
  store: ObjectStore,
  plan: RestorePlan,
  { phase, content, startedAt, segments }: FailedOrder,
): Promise<void> {
  const { host = '', port = 0 } = segments.find((segment) => segment.content === content) ?? {};
  const error = signal.aborted
    ? asStowageError(signal.reason)
    : new StowageError(
        'shipper/died',
        `no agent took the order within ${config.shippers.claimSeconds} s; does one serve content ${content} as ${host}:${port} for this root?`,
      );
  const message = `${error.message} (${error.code})`;
  const of = { id: plan.id, phase, content };
  const receipt = failedReceipt(
    of,
    { code: 'segment-failed', content, message },
    startedAt,
    clock(),
  );
  const options = { signal: AbortSignal.timeout(DISMISS_MS_MAX) };
  await store
    .create(receiptKey(plan, phase, content), encode(RestoreReceipt, receipt), options)
    .catch((failure: unknown) => {
      // Its own word came first.
      if (!isStowageError(failure, 'storage/exists')) throw failure;
    });
}

function receiptKey({ id }: RestorePlan, phase: Phase, content: number): string {
  return formatKey({ kind: 'restore-receipt', restore: id, phase, content });
}
