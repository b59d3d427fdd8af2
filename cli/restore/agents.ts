import { poll } from '../../async/poll.ts';
import { encode } from '../../backup-set/base/document.ts';
import { asStowageError, isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey, type Phase, phasePrefix } from '../../backup-set/base/keys.ts';
import { causedBy } from '../../backup-set/base/verdict.ts';
import { plural } from '../../backup-set/base/words.ts';
import {
  failedReceipt,
  type RestorePlan,
  RestoreReceipt,
} from '../../backup-set/documents/restore/restore.ts';
import { contentsIn } from '../../backup-set/restore/phases.ts';
import { namesOf } from '../doctor/contents.ts';
import { noteWaiting } from '../output/waiting.ts';
import { listedContents } from '../shippers/listed-contents.ts';
import type { RestoreRun } from './run.ts';
import type { RestoreShippers } from './shippers.ts';

const POLL_MS = 500;
/** An interrupted restore still stores its failed receipts; they get a short time of their own. */
const FAILED_RECEIPT_MS_MAX = 30_000;

/**
 * The shippers of a restore by resident agents: nothing is started, their receipts are awaited. For
 * an agent that does not take its order in time, or that is working when the restore is
 * interrupted, a failed receipt is stored; the agent then stops.
 */
export function agentRestoreShippers(run: RestoreRun): RestoreShippers {
  return {
    async carryOut(phase) {
      await waitForReceipts(run, phase);
      return contentsIn(phase, run.plan).map((content) => receiptKey(run.plan, phase, content));
    },
    // The agents keep running, for other restores.
    finish: () => Promise.resolve(),
    abort: () => Promise.resolve(),
  };
}

async function waitForReceipts(run: RestoreRun, phase: Phase): Promise<void> {
  const { context, store, plan } = run;
  const { clock, signal, config } = context;
  const awaited = contentsIn(phase, plan);
  const noteNew = eventNotes(run, phase);
  const startedAt = clock();
  const claimUntil = startedAt.getTime() + config.shippers.claimSeconds * 1000;
  let unanswered: readonly number[] = awaited;
  using _ = noteWaiting(context, {
    what: () =>
      `${plural(unanswered.length, 'agent')} of ${plural(awaited.length, 'content')} to finish phase ${phase} of restore ${plan.id} (${namesOf(unanswered)})`,
    needs: `\`stowage-segment-shipper agent\` must run for ${store.url} on every segment host`,
  });
  const look = async () => {
    const claimed = await listedContents(store, phasePrefix(plan.id, 'claims', phase));
    const answered = await listedContents(store, phasePrefix(plan.id, 'receipts', phase));
    noteNew('claimed', claimed);
    noteNew('answered', answered);
    const missing = awaited.filter((content) => !answered.has(content));
    unanswered = missing;
    if (missing.length === 0) return true;
    // An agent that has claimed its order may work for long: only the others are late.
    const late =
      clock().getTime() >= claimUntil ? missing.filter((content) => !claimed.has(content)) : [];
    for (const content of signal.aborted ? missing : late)
      await storeFailedReceipt(run, { phase, content, startedAt });
    return signal.aborted || undefined;
  };
  await poll(look, { everyMs: POLL_MS });
}

function eventNotes({ context: { output } }: RestoreRun, phase: Phase) {
  const noted = new Set<string>();
  return (event: 'claimed' | 'answered', contents: ReadonlySet<number>) => {
    for (const content of contents) {
      if (noted.has(`${event} ${content}`)) continue;
      noted.add(`${event} ${content}`);
      const what = event === 'claimed' ? 'its agent has started' : 'its agent has finished';
      output.note(event, { phase, content }, `${phase}: content ${content}: ${what}`);
    }
  };
}

interface FailedOrder {
  readonly phase: Phase;
  readonly content: number;
  readonly startedAt: Date;
}

async function storeFailedReceipt(
  { context: { clock, signal, config }, store, plan, segments }: RestoreRun,
  { phase, content, startedAt }: FailedOrder,
): Promise<void> {
  const { host = '', port = 0 } = segments.find((segment) => segment.content === content) ?? {};
  const error = signal.aborted
    ? asStowageError(signal.reason)
    : new StowageError(
        'shipper/died',
        `no agent took the order within ${config.shippers.claimSeconds} s (shippers.claimSeconds); check that an agent runs for this root and has content ${content} as ${host}:${port} in its configuration`,
      );
  const receipt = failedReceipt(
    { id: plan.id, phase, content },
    { code: 'segment-failed', content, ...causedBy(error) },
    startedAt,
    clock(),
  );
  const options = { signal: AbortSignal.timeout(FAILED_RECEIPT_MS_MAX) };
  await store
    .create(receiptKey(plan, phase, content), encode(RestoreReceipt, receipt), options)
    .catch((failure: unknown) => {
      // The agent's own receipt came first, and counts.
      if (!isStowageError(failure, 'storage/exists')) throw failure;
    });
}

function receiptKey({ id }: RestorePlan, phase: Phase, content: number): string {
  return formatKey({ kind: 'restore-receipt', restore: id, phase, content });
}
