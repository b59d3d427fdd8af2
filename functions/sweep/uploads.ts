import { isStowageError } from '../../backup-set/base/errors.ts';
import {
  formatKey,
  type Key,
  parseKey,
  RESTORES,
  SETS,
  setPrefix,
  TASKS,
} from '../../backup-set/base/keys.ts';
import type { PendingUpload } from '../../storage/store.ts';
import type { Deps } from '../deps.ts';
import {
  isOverdue,
  lastArrival,
  OVERDUE_AFTER_SECONDS,
  overdueLimitSeconds,
} from '../stored/overdue.ts';
import type { OnSet, SweepOptions, SweepReport } from './report.ts';

/** Younger uploads of unsealed sets are kept, even when `overdueAfterSeconds` is shorter. */
const AGE_MIN_SECONDS = OVERDUE_AFTER_SECONDS;

/** Where writes take seconds: documents, what doctor tries, and the files that tell the time. */
const SHORT_WRITES = [RESTORES, TASKS, '.'];

/**
 * Aborts the uploads of dead writers: their parts cost money and are never completed. In a
 * directory store these are the unfinished files of all writers, also of documents.
 */
export async function sweepUploads(
  deps: Deps,
  options: SweepOptions,
  report: SweepReport,
  onSet: OnSet,
): Promise<void> {
  const abort = async (upload: PendingUpload) => {
    await deps.store.abortUpload(upload, { signal: deps.signal });
    deps.log.info({ object: upload.key, startedAt: upload.startedAt }, 'unfinished upload removed');
    report.uploadsAborted += 1;
  };
  const rules = new Map<string, IsDead>();
  for await (const upload of deps.store.pendingUploads(SETS, { signal: deps.signal })) {
    const key = parseKey(upload.key);
    if (key === undefined || !('timestamp' in key)) continue;
    const { timestamp } = key;
    await onSet(timestamp, async () => {
      const known = rules.get(timestamp);
      // A set that cannot be looked at keeps its uploads, and is one problem.
      if (known === undefined) rules.set(timestamp, KEEPS_ALL);
      const isDead = known ?? (await ruleFor(deps, timestamp, options));
      rules.set(timestamp, isDead);
      if (await isDead(upload)) await abort(upload);
    });
  }
  for await (const upload of otherUploads(deps))
    if (await isSilent(deps, upload, AGE_MIN_SECONDS)) await abort(upload);
}

/** Uploads of Stowage that belong to no set. */
async function* otherUploads({ store, signal }: Deps): AsyncGenerator<PendingUpload> {
  for (const prefix of SHORT_WRITES) {
    try {
      yield* store.pendingUploads(prefix, { signal });
    } catch (error) {
      // On AWS the sweeper may list and end the uploads of sets only.
      if (!isStowageError(error, 'storage/denied')) throw error;
    }
  }
}

type IsDead = (upload: PendingUpload) => Promise<boolean>;

const KEEPS_ALL: IsDead = () => Promise.resolve(false);

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
  const isOld: IsDead = (upload) => isSilent(deps, upload, Math.max(allowed, AGE_MIN_SECONDS));
  if (seal !== undefined)
    return async (upload) =>
      (isShipped(upload) && !isYounger(upload.startedAt, seal.modifiedAt)) || isOld(upload);
  const last = await lastArrival(deps, setPrefix(timestamp));
  const setIsOverdue = await isOverdue(deps, last, allowed);
  return async (upload) => setIsOverdue && isOld(upload);
}

/** True when an upload was begun long ago, and none of its parts was stored since. */
async function isSilent(deps: Deps, upload: PendingUpload, seconds: number): Promise<boolean> {
  if (!(await isOverdue(deps, upload.startedAt, seconds))) return false;
  const last = await deps.store.lastWrittenAt(upload, { signal: deps.signal });
  return isOverdue(deps, last, seconds);
}

const KINDS_OF_SHIPPERS: ReadonlySet<Key['kind'] | undefined> = new Set([
  'pack',
  'file',
  'metadata',
  'receipt',
]);

const isShipped = ({ key }: PendingUpload) => KINDS_OF_SHIPPERS.has(parseKey(key)?.kind);

/** In whole seconds: S3 gives an object's time in seconds (Last-Modified), an upload's in ms. */
function isYounger(upload: Date, seal: Date): boolean {
  return Math.floor(upload.getTime() / 1000) > Math.floor(seal.getTime() / 1000);
}
