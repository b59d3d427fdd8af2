import { eachInFlight } from '../../async/each-in-flight.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import {
  gatherProblems,
  joinProblems,
  NO_PROBLEMS,
  type ProblemList,
} from '../../backup-set/base/problems.ts';
import { boundedProblems, type Problem, type Verdict } from '../../backup-set/base/verdict.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { SetKeys } from '../../frame/seal/set-keys.ts';
import type { Deps, JobResult } from '../deps.ts';
import { readDocument } from '../stored/load.ts';
import { readPart } from '../stored/read-part.ts';
import { NOTHING_CHECKED, writeVerdict } from '../stored/write-verdict.ts';
import { type CheckedObject, verifyObject } from './object.ts';
import { objectsToRead } from './objects-to-read.ts';
import { checkSet, finding } from './set.ts';
import { checkUncommitted } from './uncommitted.ts';

export interface VerifyOptions {
  /** Objects read at once; each holds one frame in memory. */
  readonly concurrency?: number;
  readonly onProgress?: (progress: VerifyProgress) => void;
  /** Also decompress every frame and count its rows. Default: true, where it can be read. */
  readonly decode?: boolean;
  /** The keys of an encrypted set. Without them its checksums are checked, and no row is read. */
  readonly keys?: SetKeys | undefined;
  /** What a holder of the keys found wrong with the proof of the set. */
  readonly proof?: readonly Problem[] | undefined;
}

interface VerifyProgress {
  readonly objects: number;
  readonly objectsTotal: number;
  readonly bytes: number;
  readonly bytesTotal: number;
}

export interface VerifyResult extends JobResult {
  readonly verdict: Verdict;
}

const OBJECTS_IN_FLIGHT = 4;

/**
 * Reads every byte of a set again: checks the digests of objects and frames, decompresses every
 * frame and counts its rows. Writes the verdict of level `verify`, including all that `validate`
 * finds.
 * @throws StowageError `set/incomplete` or `set/damaged` when there is no manifest,
 * `set/not-found`; errors of the store (other than a missing object): then the set is not judged.
 */
export async function verifySet(
  deps: Deps,
  timestamp: string,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  const raw = await readDocument(deps, formatKey({ kind: 'manifest', timestamp }));
  if (raw === undefined) throw await noManifest(deps, timestamp);
  const known: Known = { gone: new Set(), resized: new Set(), documents: new Set() };
  const { manifest, documents, ...validated } = await checkSet(
    deps,
    timestamp,
    raw,
    (_set, _part, found) => {
      for (const { code, object = '' } of found) {
        if (code === 'object-missing') known.gone.add(object);
        if (code === 'size-differs') known.resized.add(object);
      }
    },
  );
  for (const { object = '' } of documents.problems) known.documents.add(object);
  const read =
    manifest === undefined ? NOTHING_READ : await readObjects(deps, manifest, known, options);
  const checked = { objects: read.objects, bytes: read.bytes };
  const { proven = [] } = validated;
  const proof = boundedProblems(options.proof ?? []);
  const verified = {
    ...finding(checked, joinProblems(joinProblems(proof, validated), read.found)),
    proven,
    ...(manifest?.encryption && { decrypted: options.keys !== undefined }),
  };
  const { key, verdict } = await writeVerdict(deps, timestamp, 'verify', verified);
  return { verdict, wrote: [key] };
}

/** Objects for which `validate` reported a problem already. */
interface Known {
  readonly gone: Set<string>;
  readonly resized: Set<string>;
  readonly documents: Set<string>;
}

const NOTHING_READ = { ...NOTHING_CHECKED, found: NO_PROBLEMS };

async function readObjects(
  deps: Deps,
  manifest: Manifest,
  { gone, resized, documents }: Known,
  { concurrency = OBJECTS_IN_FLIGHT, keys, onProgress = () => undefined, ...how }: VerifyOptions,
): Promise<{ found: ProblemList; objects: number; bytes: number }> {
  const { objects: objectsTotal, storedBytes: bytesTotal } = manifest.totals;
  const done = { objects: 0, bytes: 0 };
  const report = () => onProgress({ ...done, objectsTotal, bytesTotal });
  const gathered = gatherProblems();
  const decode = (how.decode ?? true) && manifest.encryption === undefined;
  const readOne = async (object: CheckedObject) => {
    if (gone.has(object.key)) return;
    const found = await verifyObject(deps.store, object, {
      signal: deps.signal,
      decode,
      keys: manifest.encryption && keys,
      onBytes: (bytes) => {
        done.bytes += bytes;
        report();
      },
    });
    done.objects += 1;
    report();
    const isNews = ({ code }: Problem) => code !== 'size-differs' || !resized.has(object.key);
    gathered.add(object.content, found.filter(isNews));
  };
  // Hours may have passed since `validate`: a part that is unreadable now must be reported.
  const onUnread = (content: number, problem: Problem) => {
    if (!documents.has(problem.object ?? '')) gathered.add(content, [problem]);
  };
  await eachInFlight(objectsOfSet(deps, manifest, onUnread), concurrency, readOne);
  return { ...done, found: gathered.list() };
}

/** All objects of a set, content by content. */
async function* objectsOfSet(
  deps: Deps,
  manifest: Manifest,
  onUnread: (content: number, problem: Problem) => void,
): AsyncGenerator<CheckedObject> {
  for (const { content } of manifest.contents) {
    const part = await readPart(deps, manifest, content);
    if (part.ok) yield* objectsToRead(part.value, manifest);
    else onUnread(content, part.failure);
  }
}

async function noManifest(deps: Deps, timestamp: string): Promise<StowageError> {
  const { status, problems } = await checkUncommitted(deps, timestamp);
  const why = problems.slice(0, 3).map(({ message }) => message);
  return new StowageError(
    status === 'damaged' ? 'set/damaged' : 'set/incomplete',
    `set ${timestamp} is ${status} (it has no manifest) and cannot be verified: ${why.join('; ')}`,
    { where: { set: timestamp } },
  );
}
