import { isStowageError } from '../../backup-set/base/errors.ts';
import { PROVEN_MAX, type ProvenObject, type Verdict } from '../../backup-set/base/verdict.ts';
import type { StoredObject } from '../../storage/store.ts';
import type { Deps } from '../deps.ts';
import { newestVerdict, verdictKeys } from '../stored/load.ts';
import { type CheckedObject, verifyObject } from './object.ts';

/**
 * Objects whose ETag differs from that of their receipt: an object that was lost and copied back
 * has another one, though its bytes are right. Each is read once, and the verdict keeps the proof.
 */
export interface RewrittenObjects {
  /** @returns why the object is not the one of the backup; undefined when its bytes are right. */
  difference(object: CheckedObject, stored: StoredObject): Promise<string | undefined>;
  /** What a verdict records, so that the next check need not read these objects again. */
  proven(): ProvenObject[];
}

/** A set without such objects costs no request. */
export function rewrittenObjects(deps: Deps, timestamp: string): RewrittenObjects {
  const proven: ProvenObject[] = [];
  let known: Promise<ReadonlyMap<string, string>> | undefined;
  return {
    async difference(object, stored) {
      known ??= knownProofs(deps, timestamp);
      const { key, etag = '' } = stored;
      if ((await known).get(key) !== etag) {
        const wrong = await readAgain(deps, object, etag);
        if (wrong !== undefined) return wrong;
      }
      if (proven.length < PROVEN_MAX) proven.push({ object: key, etag });
      return undefined;
    },
    proven: () => proven.toSorted((a, b) => (a.object < b.object ? -1 : 1)),
  };
}

/** Each verdict repeats the proofs that it relies on, so the newest of a level has them all. */
async function knownProofs(deps: Deps, timestamp: string): Promise<ReadonlyMap<string, string>> {
  const keys = await verdictKeys(deps, timestamp);
  const levels: readonly Verdict['level'][] = ['verify', 'validate'];
  const verdicts = await Promise.all(
    levels.map((level) => newestVerdict(deps, timestamp, level, keys)),
  );
  const all = verdicts.flatMap((verdict) => verdict?.proven ?? []);
  return new Map(all.map(({ object, etag }) => [object, etag]));
}

async function readAgain(
  { store, signal }: Deps,
  object: CheckedObject,
  etag: string,
): Promise<string | undefined> {
  const changed = 'the object has changed since the backup';
  try {
    const options = { signal, decode: false, onBytes: () => undefined };
    const [problem] = await verifyObject(store, object, options);
    if (problem !== undefined) return `${changed} (its ETag differs): ${problem.message}`;
    const now = await store.head(object.key, { signal });
    return now?.etag === etag ? undefined : `${changed}, and while it was checked`;
  } catch (error) {
    // The functions on AWS have no right to read data.
    if (!isStowageError(error, 'storage/denied')) throw error;
    return `${changed} (its ETag differs), and these credentials may not read it: run \`stowage validate\` with the right to read data`;
  }
}
