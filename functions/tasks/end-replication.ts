import { decode } from '../../backup-set/base/document.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { formatKey, type Key } from '../../backup-set/base/keys.ts';
import type { ProblemList } from '../../backup-set/base/problems.ts';
import { failure, type Result, success } from '../../backup-set/base/result.ts';
import { partsOfTask } from '../../backup-set/base/timestamps.ts';
import { boundedProblems, type Problem } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import type { StoredObject } from '../../storage/store.ts';
import type { Deps, JobResult } from '../deps.ts';
import { extendRetention } from '../handlers/extend-retention.ts';
import { type StitchResult, stitch } from '../handlers/stitch.ts';
import { validate } from '../handlers/validate.ts';
import { copyObject } from '../sets/copy-object.ts';
import { setsOfKeys, storedSetKeys } from '../stored/set-keys.ts';
import type { PieceResult } from './piece-result.ts';
import { requireReplica } from './replicate-piece.ts';
import { endTask, readManifestOf, type TaskEnd } from './tasks.ts';

/**
 * Copies the keys of an encrypted set, plan and seal after all objects, then commits and validates
 * the copy of the set.
 */
export async function endReplication(
  deps: Deps,
  task: string,
  done: PieceResult,
): Promise<JobResult> {
  const { timestamp } = partsOfTask(task);
  const replica = requireReplica(deps);
  const { objects, bytes } = done;
  const end = (
    status: TaskEnd['status'],
    { problems, problemsTotal }: ProblemList,
    verdict?: string,
  ) =>
    endTask(deps, task, {
      root: replica.url,
      objects,
      bytes,
      status,
      problems,
      problemsTotal,
      ...(verdict === undefined ? {} : { verdict }),
    });
  if (done.problemsTotal > 0) return end('damaged', done);
  const last = await Promise.all([
    keysOf(deps, task),
    headOf(deps, { kind: 'plan', timestamp }),
    headOf(deps, { kind: 'seal', timestamp }),
  ]);
  for (const stored of last.flat()) {
    const result = stored.ok
      ? await copyObject({ from: deps.store, to: replica }, stored.value, { signal: deps.signal })
      : stored;
    if (!result.ok) return end('damaged', boundedProblems([result.failure]));
  }
  const depsOfReplica: Deps = { ...deps, store: replica };
  const stitched = await stitchOrRefuse(depsOfReplica, timestamp);
  if (stitched.status !== 'complete')
    return end(
      stitched.status === 'open' ? 'incomplete' : stitched.status,
      boundedProblems(stitched.problems),
    );
  const { verdict, wrote } = await validate(depsOfReplica, timestamp);
  const [key] = wrote;
  // No event of the alternate location starts it there.
  if (verdict.status === 'complete') await extendRetention(depsOfReplica, timestamp);
  return end(verdict.status, verdict, key);
}

type Found = Result<StoredObject, Problem>;

async function headOf({ store, signal }: Deps, of: Key): Promise<Found> {
  const key = formatKey(of);
  const stored = await store.head(key, { signal });
  const message = 'the object is missing';
  return stored ? success(stored) : failure({ code: 'object-missing', object: key, message });
}

/** Before the seal: the copy cannot be committed without them. */
async function keysOf(deps: Deps, task: string): Promise<Found[]> {
  const raw = await readManifestOf(deps, task);
  if (raw === undefined) return [];
  const keys: Found[] = [];
  for (const set of setsOfKeys(decode(Manifest, raw)))
    keys.push(...(await storedSetKeys(deps, set)).map(success));
  return keys;
}

/**
 * Other manifest parts at the alternate location are a finding, not an error to retry: no later try
 * would succeed.
 */
async function stitchOrRefuse(
  deps: Deps,
  timestamp: string,
): Promise<Pick<StitchResult, 'status' | 'problems'>> {
  try {
    return await stitch(deps, timestamp);
  } catch (error) {
    if (!isStowageError(error, 'set/damaged')) throw error;
    const { object = formatKey({ kind: 'manifest', timestamp }) } = error.where;
    return {
      status: 'damaged',
      problems: [{ code: 'documents-disagree', object, message: error.message }],
    };
  }
}
