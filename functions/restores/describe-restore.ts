import { mapInFlight } from '../../async/each-in-flight.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey, type Phase, phasePrefix } from '../../backup-set/base/keys.ts';
import {
  Outcome,
  RestorePlan,
  RestoreReceipt,
  RestoreRequest,
} from '../../backup-set/documents/restore/restore.ts';
import type { Deps } from '../deps.ts';
import { listKeys, READS_IN_FLIGHT } from '../stored/load.ts';
import { newestRestores } from '../stored/newest.ts';
import { tryRead } from '../stored/try-read.ts';
import { apart } from '../stored/unreadable.ts';

/** What the documents of a restore say. Undefined = missing, or it cannot be read. */
export interface RestoreSummary {
  readonly restore: string;
  /**
   * `open`: it has no outcome. It is running, or its command was killed. `unreadable`: a document
   * that says it exists and cannot be read.
   */
  readonly status: Outcome['status'] | 'open' | 'unreadable';
  readonly request: RestoreRequest | undefined;
  readonly outcome: Outcome | undefined;
  /** When the outcome was stored, by the clock of the store. */
  readonly endedAt: string | undefined;
}

/** The newest restores under a root, newest first. Three requests for each. */
export async function describeRestores(deps: Deps, most: number): Promise<RestoreList> {
  const ids = await newestRestores(deps);
  const restores = await mapInFlight(ids.slice(0, most), READS_IN_FLIGHT, (id) =>
    apart(
      deps,
      `restore ${id} cannot be read`,
      () => describeRestore(deps, id),
      () => ({ ...NOTHING_KNOWN, restore: id }),
    ),
  );
  return { restores: restores.filter((one) => one !== undefined), total: ids.length };
}

export interface RestoreList {
  readonly restores: readonly RestoreSummary[];
  /** Restores under the root, also those that were not read. */
  readonly total: number;
}

const NOTHING_KNOWN = {
  status: 'unreadable',
  request: undefined,
  outcome: undefined,
  endedAt: undefined,
} as const;

/** Undefined for a folder that holds neither a request nor an outcome. */
async function describeRestore(deps: Deps, restore: string): Promise<RestoreSummary | undefined> {
  let isUnreadable = false;
  const onUnreadable = () => {
    isUnreadable = true;
  };
  const key = formatKey({ kind: 'outcome', restore });
  const [request, ended] = await Promise.all([
    tryRead(deps, formatKey({ kind: 'restore-request', restore }), RestoreRequest, onUnreadable),
    deps.store.head(key, { signal: deps.signal }),
  ]);
  if (request === undefined && ended === undefined && !isUnreadable) return undefined;
  const outcome = ended && (await tryRead(deps, key, Outcome));
  return {
    restore,
    status: outcome?.status ?? (ended !== undefined || isUnreadable ? 'unreadable' : 'open'),
    request,
    outcome,
    endedAt: ended?.modifiedAt.toISOString(),
  };
}

/** The receipt of one content; of its relations, which can be many, only their sums. */
export type ContentReceipt = Pick<
  RestoreReceipt,
  'content' | 'status' | 'startedAt' | 'finishedAt' | 'storedBytes' | 'problems' | 'problemsTotal'
> & { readonly relations: number; readonly rows: number };

/** One phase of a restore, and the receipts that contents have written of it. */
export interface RestorePhase {
  readonly phase: Phase;
  readonly receipts: readonly ContentReceipt[];
}

export interface WholeRestore extends RestoreSummary {
  readonly plan: RestorePlan | undefined;
  readonly phases: readonly RestorePhase[];
}

/**
 * Everything that is stored of a restore: one LIST per phase, one GET per document.
 * @throws StowageError `restore/not-found` when there is no such restore.
 */
export async function readRestore(deps: Deps, restore: string): Promise<WholeRestore> {
  const summary = await describeRestore(deps, restore);
  if (summary === undefined)
    throw new StowageError(
      'restore/not-found',
      `there is no restore ${restore} under ${deps.store.url}`,
    );
  const plan = await tryRead(deps, formatKey({ kind: 'restore-plan', restore }), RestorePlan);
  const phases: RestorePhase[] = [];
  for (const phase of plan?.phases ?? [])
    phases.push({ phase, receipts: await receiptsOf(deps, restore, phase) });
  return { ...summary, plan, phases };
}

async function receiptsOf(deps: Deps, restore: string, phase: Phase): Promise<ContentReceipt[]> {
  const prefix = phasePrefix(restore, 'receipts', phase);
  const listed = await listKeys(deps, prefix, ['restore-receipt']);
  const read = await mapInFlight(listed, READS_IN_FLIGHT, async ({ key }) => {
    const receipt = await tryRead(deps, key, RestoreReceipt);
    return receipt && summed(receipt);
  });
  return read.filter((receipt) => receipt !== undefined).toSorted((a, b) => a.content - b.content);
}

function summed(receipt: RestoreReceipt): ContentReceipt {
  const { content, status, startedAt, finishedAt, storedBytes, problems, problemsTotal } = receipt;
  const times = { startedAt, finishedAt, storedBytes };
  const rows = receipt.relations.reduce((sum, relation) => sum + relation.rows, 0);
  const relations = receipt.relations.length;
  return { content, status, ...times, relations, rows, problems, problemsTotal };
}
