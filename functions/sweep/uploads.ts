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

/** Younger uploads of unsealed sets are left alone, whatever anybody asks for. */
const AGE_MIN_SECONDS = OVERDUE_AFTER_SECONDS;

/** Removes what dead shippers left: parts of uploads that nobody will complete, and that are paid for. */
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
    if (!isDead(upload)) continue;
    await deps.store.abortUpload(upload, { signal: deps.signal });
    deps.log.info({ object: upload.key, startedAt: upload.startedAt }, 'unfinished upload removed');
    report.uploadsAborted += 1;
  }
}

type IsDead = (upload: PendingUpload) => boolean;

/**
 * The seal is written when all shippers have ended: what they had begun before it has no writer any more, while a function may just be
 * writing a part of the manifest or a verdict, which in a folder are uploads too. Without a seal,
 * only in a set where nothing moves can an old upload be taken for dead: a slow one looks the same.
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
  const silent = isOverdue(deps, await lastArrival(deps, setPrefix(timestamp)), allowed);
  return (upload) => silent && isOld(upload);
}

const SHIPPED: ReadonlySet<Key['kind'] | undefined> = new Set(['pack', 'metadata', 'receipt']);

const isShipped = ({ key }: PendingUpload) => SHIPPED.has(parseKey(key)?.kind);

/** In whole seconds: S3 tells an object's time in those (Last-Modified), and an upload's to the millisecond. */
function isYounger(upload: Date, seal: Date): boolean {
  return Math.floor(upload.getTime() / 1000) > Math.floor(seal.getTime() / 1000);
}
