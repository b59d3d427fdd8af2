import { decode, type RawDocument } from '../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { isEverything, type Selection } from '../../backup-set/base/selection.ts';
import type { Verdict } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import { type Group, Plan } from '../../backup-set/documents/plan.ts';
import type { Deps } from '../deps.ts';
import { type Retention, retentionOf } from '../retention/marks.ts';
import { hasReceipts, isSet } from '../stored/is-set.ts';
import { inDoubt, judgementOf } from '../stored/judgement.ts';
import { newestVerdict, readDocument, verdictKeys } from '../stored/load.ts';
import { noteUnreadable } from '../stored/unreadable.ts';
import { drillOf, type SetDrill } from './drills.ts';

/** One row of a list of sets. */
export interface SetSummary {
  readonly timestamp: string;
  /** `complete` only with a manifest; `open` without a verdict. `damaged` has precedence. */
  readonly status: Verdict['status'] | 'open';
  readonly database: string | undefined;
  readonly cluster: string | undefined;
  /** True: made of chosen tables only, by `selection`. Undefined: no plan can be read. */
  readonly chosen: boolean | undefined;
  readonly selection: Selection | undefined;
  /** Undefined: no plan can be read. */
  readonly encrypted: boolean | undefined;
  readonly tags: readonly string[];
  readonly group: Group | undefined;
  /** Undefined = it lives, and is not held. */
  readonly retention: SetRetention | undefined;
  readonly totals: Manifest['totals'] | undefined;
  /** Older sets whose packs it uses. */
  readonly needs: readonly string[];
  readonly elapsedMs: number | undefined;
  readonly verdict: Pick<Verdict, 'level' | 'at' | 'status'> | undefined;
  /** The last check that read every byte. */
  readonly verified: Pick<Verdict, 'at' | 'status' | 'decrypted'> | undefined;
  /** What the newest `validate` found unusual; undefined = nothing, or not compared. */
  readonly warnings?: number | undefined;
  /** Undefined = no drill has restored it. */
  readonly drill: SetDrill | undefined;
}

/** What the marks of a set say, for people. */
export type SetRetention =
  | { readonly state: 'living'; readonly held: string }
  | { readonly state: 'expired'; readonly since: string };

/**
 * Undefined for a folder that is no set, and for a set whose removal has begun.
 * @throws StowageError when a document cannot be read that may say that the set is damaged.
 */
export async function describeSet(deps: Deps, timestamp: string): Promise<SetSummary | undefined> {
  return (await lookAtSet(deps, timestamp))?.summary;
}

/** As `describeSet`, with the whole verdict. */
export async function lookAtSet(
  deps: Deps,
  timestamp: string,
): Promise<{ summary: SetSummary; verdict: Verdict | undefined } | undefined> {
  const found = await retentionOf(deps, timestamp);
  if (found.state === 'removing') return undefined;
  const stored = await readSetDocument(deps, timestamp, 'manifest', Manifest);
  const manifest = stored.document;
  const planned =
    manifest === undefined ? await readSetDocument(deps, timestamp, 'plan', Plan) : undefined;
  const isThere = stored.exists || planned?.exists === true || (await hasReceipts(deps, timestamp));
  if (!isThere) return undefined;
  const plan = manifest ?? planned?.document;
  const keys = await verdictKeys(deps, timestamp);
  const known = { isCommitted: stored.exists, keys };
  const { verdict, hidden } = await judgementOf(deps, timestamp, known);
  const status = statusOf(stored, verdict);
  // It may have found damage. Damage that is known needs no other verdict.
  if (hidden !== undefined && status !== 'damaged') throw inDoubt(hidden);
  const verified =
    verdict?.level === 'verify' ? verdict : await newestVerdict(deps, timestamp, 'verify', keys);
  const validated =
    verdict?.level === 'validate'
      ? verdict
      : await newestVerdict(deps, timestamp, 'validate', keys);
  const summary: SetSummary = {
    timestamp,
    status,
    database: plan?.database,
    cluster: plan?.cluster,
    chosen: plan && !isEverything(plan.selection),
    selection: plan?.selection,
    encrypted: plan && plan.encryption !== undefined,
    tags: plan?.tags ?? [],
    group: plan?.group,
    retention: retentionText(found),
    totals: manifest?.totals,
    needs: manifest?.needs ?? [],
    elapsedMs:
      manifest === undefined
        ? undefined
        : Date.parse(manifest.sealedAt) - Date.parse(manifest.startedAt),
    verdict: verdict && { level: verdict.level, at: verdict.at, status: verdict.status },
    verified: verified && checkOf(verified),
    warnings: validated?.warningsTotal,
    drill: await drillOf(deps, keys),
  };
  return { summary, verdict };
}

const checkOf = ({ at, status, decrypted }: Verdict) => ({
  at,
  status,
  ...(decrypted !== undefined && { decrypted }),
});

export function retentionText(found: Retention): SetRetention | undefined {
  if (found.state === 'expired') return { state: 'expired', since: found.since.toISOString() };
  if (found.state === 'removing' || found.held === undefined) return undefined;
  return { state: 'living', held: found.held.why };
}

/** A committed set is `damaged` when its manifest is missing or cannot be read. */
export function statusOf(
  manifest: StoredDocument<unknown>,
  verdict: Verdict | undefined,
): SetSummary['status'] {
  if (verdict?.status === 'damaged') return 'damaged';
  if (manifest.document !== undefined) return 'complete';
  // A check found it complete before: its manifest has been lost or truncated since.
  if (manifest.exists || verdict?.status === 'complete') return 'damaged';
  return verdict?.status ?? 'open';
}

/** `document` is undefined when the object is missing or cannot be read. */
export interface StoredDocument<Document> {
  readonly exists: boolean;
  readonly document: Document | undefined;
}

/** Reads a document of a set. Logs why one that exists cannot be read. */
export async function readSetDocument<Schema extends typeof Manifest | typeof Plan>(
  deps: Deps,
  timestamp: string,
  kind: 'manifest' | 'plan',
  schema: Schema,
): Promise<StoredDocument<ReturnType<Schema['parse']>>> {
  const raw: RawDocument | undefined = await readDocument(deps, formatKey({ kind, timestamp }));
  if (raw === undefined) return { exists: false, document: undefined };
  try {
    return { exists: true, document: decode(schema, raw) as ReturnType<Schema['parse']> };
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    noteUnreadable(deps, error, `cannot read the ${kind} of set ${timestamp}`);
    return { exists: true, document: undefined };
  }
}

/** A document of a set; undefined when it is missing or cannot be read. */
export async function tryReadDocument<Schema extends typeof Manifest | typeof Plan>(
  deps: Deps,
  timestamp: string,
  kind: 'manifest' | 'plan',
  schema: Schema,
): Promise<ReturnType<Schema['parse']> | undefined> {
  return (await readSetDocument(deps, timestamp, kind, schema)).document;
}

/** @throws StowageError `set/not-found` when nothing is stored under this timestamp. */
export async function requireSet(deps: Deps, timestamp: string): Promise<void> {
  if (await isSet(deps, timestamp)) return;
  throw new StowageError('set/not-found', `there is no set ${timestamp} under ${deps.store.url}`, {
    where: { set: timestamp },
  });
}
