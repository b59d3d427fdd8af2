import { eachInFlight } from '../../../../async/each-in-flight.ts';
import { decode, RECEIPT_BYTES_MAX } from '../../../../backup-set/base/document.ts';
import { StowageError } from '../../../../backup-set/base/errors.ts';
import { formatKey, type Phase, parseKey, RESTORES } from '../../../../backup-set/base/keys.ts';
import { describeProblem } from '../../../../backup-set/base/verdict.ts';
import {
  RestorePlan,
  RestoreReceipt,
  RestoreRequest,
} from '../../../../backup-set/documents/restore/restore.ts';
import { contentsIn } from '../../../../backup-set/restore/phases.ts';
import type { Deps } from '../../../deps.ts';
import { READS_IN_FLIGHT, readDocument } from '../../../stored/load.ts';
import type { RestoreProgress, RestoreSegment } from '../api.ts';
import { liveStatus, readOutcome } from './restores.ts';

/** What a receipt says about progress. */
interface Done {
  readonly isFailed: boolean;
  readonly rows: number;
  readonly problems: readonly string[];
}

const PROBLEMS_SHOWN = 3;

/** Progress of one restore. It keeps what the receipts say: they never change. */
export function followRestore(deps: Deps, id: string): () => Promise<RestoreProgress> {
  const receipts = new Map<string, Done>();
  let plan: RestorePlan | undefined;

  async function readReceipts(keys: readonly string[]): Promise<void> {
    const unread = keys.filter((key) => !receipts.has(key));
    await eachInFlight(unread, READS_IN_FLIGHT, async (key) => {
      const raw = await readDocument(deps, key, RECEIPT_BYTES_MAX);
      if (raw !== undefined) receipts.set(key, summaryOf(decode(RestoreReceipt, raw)));
    });
  }

  return async () => {
    const raw = await readDocument(deps, formatKey({ kind: 'restore-request', restore: id }));
    if (raw === undefined)
      throw new StowageError('set/not-found', `there is no restore ${id} under ${deps.store.url}`);
    const request = decode(RestoreRequest, raw);
    const rawPlan =
      plan === undefined
        ? await readDocument(deps, formatKey({ kind: 'restore-plan', restore: id }))
        : undefined;
    plan ??= rawPlan && decode(RestorePlan, rawPlan);
    const orders = new Map<string, Date>();
    const stored: string[] = [];
    for await (const { key: text, modifiedAt } of deps.store.list(`${RESTORES}${id}/`, {
      signal: deps.signal,
    })) {
      const key = parseKey(text);
      if (key?.kind === 'order') orders.set(`${key.phase} ${key.content}`, modifiedAt);
      if (key?.kind === 'restore-receipt') stored.push(text);
    }
    await readReceipts(stored);
    const outcome = await readOutcome(deps, id);
    const phase = plan && currentPhase(plan, receipts);
    return {
      id,
      set: request.timestamp,
      target: request.target.database,
      mode: request.mode,
      now: (await deps.store.now({ signal: deps.signal })).toISOString(),
      requestedAt: request.requestedAt,
      status: outcome?.status ?? (await liveStatus(deps, id)),
      phases: plan?.phases ?? [],
      ...(phase !== undefined && outcome === undefined && { phase }),
      segments: plan === undefined ? [] : segmentsOf(plan, receipts, orders),
      problems: (outcome?.problems ?? []).slice(0, 20).map(describeProblem),
      problemsTotal: outcome?.problemsTotal ?? 0,
    };
  };
}

function summaryOf({ status, relations, problems }: RestoreReceipt): Done {
  return {
    isFailed: status === 'failed',
    rows: relations.reduce((sum, { rows }) => sum + rows, 0),
    problems: problems.slice(0, PROBLEMS_SHOWN).map(describeProblem),
  };
}

const receiptKey = (restore: string, phase: Phase, content: number) =>
  formatKey({ kind: 'restore-receipt', restore, phase, content });

function currentPhase(plan: RestorePlan, receipts: ReadonlyMap<string, Done>): Phase | undefined {
  return plan.phases.find((phase) =>
    contentsIn(phase, plan).some((content) => !receipts.has(receiptKey(plan.id, phase, content))),
  );
}

const STATES = ['failed', 'working', 'waiting', 'done'] as const;

/** Failed ones first, then those that have the most to do in the earliest phase. */
function segmentsOf(
  plan: RestorePlan,
  receipts: ReadonlyMap<string, Done>,
  orders: ReadonlyMap<string, Date>,
): RestoreSegment[] {
  const segments = plan.contents.map(({ content, rows, bytes }): RestoreSegment => {
    const mine = plan.phases.filter((phase) => contentsIn(phase, plan).includes(content));
    const of = (phase: Phase) => receipts.get(receiptKey(plan.id, phase, content));
    const awaited = mine.find((phase) => of(phase) === undefined);
    const failed = mine.map(of).find((done) => done?.isFailed);
    const since = awaited && orders.get(`${awaited} ${content}`);
    return {
      content,
      phase: awaited ?? mine.at(-1) ?? '',
      state: failed
        ? 'failed'
        : awaited === undefined
          ? 'done'
          : since === undefined
            ? 'waiting'
            : 'working',
      phasesDone: mine.filter((phase) => of(phase) !== undefined).length,
      rows: of('data')?.rows ?? 0,
      rowsPlanned: rows,
      bytesPlanned: bytes,
      ...(since && { since: since.toISOString() }),
      problems: failed?.problems ?? [],
    };
  });
  return segments.toSorted(
    (a, b) =>
      STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
      a.phasesDone - b.phasesDone ||
      b.bytesPlanned - a.bytesPlanned ||
      a.content - b.content,
  );
}
