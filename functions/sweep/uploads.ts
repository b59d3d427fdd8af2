import { formatKey, type Key, parseKey, SETS, setPrefix } from '../../backup-set/base/keys.ts';
import type { PendingUpload } from '../../storage/store.ts';
import type { Deps } from '../deps.ts';
import {
  isOverdue,
  lastArrival,
  OVERDUE_AFTER_SECONDS,
  overdueLimitSeconds,
} from '../stored/overdue.ts';
import type { SweepOptions, SweepReport } from './report.ts';

/** Younger uploads of unsealed sets are kept, even when `overdueAfterSeconds` is shorter. */
const AGE_MIN_SECONDS = OVERDUE_AFTER_SECONDS;

/** Aborts the uploads of dead shippers: their parts cost money and are never completed. */
export async function sweepUploads(
  deps: Deps,
  options: SweepOptions,
  report: SweepReport,
): Promise<void> {
  const rules = new Map<string, IsDead>();
  for await (const upload of deps.store.pendingUploads(SETS, { signal: deps.signal })) {
    const key = parseKey(upload.key);
    if (key === undefined || !('timestamp' in key)) continue;
    const isDead = rules.get(key.timestamp) ?? (await ruleFor(deps, key.timestamp, options));
    rules.set(key.timestamp, isDead);
    if (!(await isDead(upload))) continue;
    await deps.store.abortUpload(upload, { signal: deps.signal });
    deps.log.info({ object: upload.key, startedAt: upload.startedAt }, 'unfinished upload removed');
    report.uploadsAborted += 1;
  }
}

type IsDead = (upload: PendingUpload) => boolean | Promise<boolean>;

/**
 * The seal is written after all shippers have ended, so their uploads from before it are dead. A
 * function may be writing a manifest part or verdict at that time, which is an upload too in a
 * directory store. Without a seal an old upload is dead only in an overdue set: a slow one looks
 * the same.
 */
async function ruleFor(deps: Deps, timestamp: string, options: SweepOptions): Promise<IsDead> {
  const seal = await deps.store.head(formatKey({ kind: 'seal', timestamp }), {
    signal: deps.signal,
  });
  const allowed = await overdueLimitSeconds(deps, timestamp, options.overdueAfterSeconds);
  const isOld: IsDead = ({ startedAt }) =>
    isOverdue(deps, startedAt, Math.max(allowed, AGE_MIN_SECONDS));
  if (seal !== undefined)
    return (upload) =>
      (isShipped(upload) && !isYounger(upload.startedAt, seal.modifiedAt)) || isOld(upload);
  const last = await lastArrival(deps, setPrefix(timestamp));
  const setIsOverdue = await isOverdue(deps, last, allowed);
  return (upload) => setIsOverdue && isOld(upload);
}

const KINDS_OF_SHIPPERS: ReadonlySet<Key['kind'] | undefined> = new Set([
  'pack',
  'metadata',
  'receipt',
]);

const isShipped = ({ key }: PendingUpload) => KINDS_OF_SHIPPERS.has(parseKey(key)?.kind);

/** In whole seconds: S3 gives an object's time in seconds (Last-Modified), an upload's in ms. */
function isYounger(upload: Date, seal: Date): boolean {
  return Math.floor(upload.getTime() / 1000) > Math.floor(seal.getTime() / 1000);
}
