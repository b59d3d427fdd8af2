import pMap from 'p-map';
import { decode, encode, sha256 } from '../backup-set/documents.ts';
import { formatKey, type Phase } from '../backup-set/keys.ts';
import { Manifest } from '../backup-set/manifest.ts';
import { Order, Outcome } from '../backup-set/restore.ts';
import { foldRestore, refusedOutcome } from '../backup-set/restore-fold.ts';
import { ordersFor } from '../backup-set/restore-orders.ts';
import { contentsIn } from '../backup-set/restore-phases.ts';
import type { Problem } from '../backup-set/verdict.ts';
import { type Deps, type Handled, NOTHING } from './deps.ts';
import { readDocument } from './load.ts';
import { type LoadedRestore, loadRestore, orderKeys } from './load-restore.ts';
import { saveOrAgree, saveSame } from './save.ts';

/** Orders can be large (every extent of a segment): few are held in memory at once. */
const WRITES_IN_FLIGHT = 4;

/**
 * A segment has carried out an order, or failed to: writes the orders of the next phase once every segment has spoken,
 * and the outcome after the last. Any number of calls, at once or again, write the same.
 */
export async function onRestoreReceipt(deps: Deps, restore: string): Promise<Handled> {
  const loaded = await loadRestore(deps, restore);
  if (loaded === undefined) return NOTHING;
  const step = foldRestore(loaded.plan, loaded.receipts);
  if ('outcome' in step) return writeOutcome(deps, restore, step.outcome);
  return writeOrders(deps, loaded, step.next);
}

/** Ends a restore. Who comes second agrees with the outcome that is there. */
export async function writeOutcome(deps: Deps, restore: string, outcome: Outcome): Promise<Handled> {
  const key = formatKey({ kind: 'outcome', restore });
  const { created } = await saveOrAgree(deps, key, encode(Outcome, outcome));
  if (!created) return NOTHING;
  const { status, totals, problemsTotal } = outcome;
  deps.log.info({ restore, status, problems: problemsTotal, ...totals }, 'restore has ended');
  return { wrote: [key] };
}

async function writeOrders(deps: Deps, loaded: LoadedRestore, phase: Phase): Promise<Handled> {
  const { request, plan } = loaded;
  const keyOf = (content: number) => formatKey({ kind: 'order', restore: plan.id, phase, content });
  const written = await orderKeys(deps, plan.id, phase);
  if (contentsIn(phase, plan).every((content) => written.has(keyOf(content)))) return NOTHING;
  const manifest = await loadPlannedManifest(deps, loaded);
  if ('code' in manifest) {
    // Every segment has answered the phase before, so nobody works on the target now and the restore can end here.
    const refused = refusedOutcome(request, [manifest]);
    const untouched = phase === plan.phases[0] || plan.phases[plan.phases.indexOf(phase) - 1] === 'verify';
    return writeOutcome(deps, plan.id, { ...refused, status: untouched ? 'refused' : 'failed' });
  }
  const missing = ordersFor(phase, { request, manifest }).filter(
    ({ content }) => !written.has(keyOf(content)),
  );
  const wrote = await pMap(
    missing,
    async (order) => {
      const key = keyOf(order.content);
      return (await saveSame(deps, key, encode(Order, order))) ? [key] : [];
    },
    { concurrency: WRITES_IN_FLIGHT },
  );
  deps.log.info({ restore: plan.id, phase, orders: missing.length }, 'orders written');
  return { wrote: wrote.flat() };
}

/** The manifest that the plan was made from, or the problem that it is no longer the same. */
async function loadPlannedManifest(deps: Deps, { plan }: LoadedRestore): Promise<Manifest | Problem> {
  const object = formatKey({ kind: 'manifest', timestamp: plan.timestamp });
  const raw = await readDocument(deps, object);
  if (raw === undefined)
    return { code: 'object-missing', object, message: 'the manifest has gone since the restore was planned' };
  if (sha256(raw.bytes) !== plan.manifestSha256) {
    const message = 'the manifest is not the one that the restore was planned from';
    return { code: 'documents-disagree', object, message };
  }
  return decode(Manifest, raw);
}
