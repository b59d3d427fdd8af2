import pMap from 'p-map';
import { StowageError } from '../backup-set/errors.ts';
import { formatKey } from '../backup-set/keys.ts';
import { type Manifest, objectsOf } from '../backup-set/manifest.ts';
import type { Extent } from '../backup-set/receipt.ts';
import type { Problem, Verdict } from '../backup-set/verdict.ts';
import { checkSet, finding } from './check-set.ts';
import { callOptions, type Deps, type Handled } from './deps.ts';
import { readDocument } from './load.ts';
import { stateWithoutManifest } from './on-manifest.ts';
import { type CheckedObject, verifyObject } from './verify-object.ts';
import { writeVerdict } from './write-verdict.ts';

export interface VerifyOptions {
  /** Objects read at once; each holds one frame in memory. */
  readonly concurrency?: number;
  readonly onProgress?: (progress: VerifyProgress) => void;
  /** Decompress every frame and count its rows too; true unless told otherwise. */
  readonly decode?: boolean;
}

interface VerifyProgress {
  readonly objects: number;
  readonly objectsTotal: number;
  readonly bytes: number;
  readonly bytesTotal: number;
}

export interface Verified extends Handled {
  readonly verdict: Verdict;
}

const OBJECTS_IN_FLIGHT = 4;

/**
 * Reads every byte of a set again: digests of objects and frames, every frame decompressed, its rows counted. Writes
 * the verdict of level `verify`, with all that `validate` would find too.
 * @throws StowageError `set/incomplete`, `set/damaged` when there is no manifest, `set/not-found`; errors of the store
 * (other than an absent object): a set that could not be read was not judged.
 */
export async function verifySet(
  deps: Deps,
  timestamp: string,
  options: VerifyOptions = {},
): Promise<Verified> {
  const raw = await readDocument(deps, formatKey({ kind: 'manifest', timestamp }));
  if (raw === undefined) throw await noManifest(deps, timestamp);
  const { manifest, ...validated } = await checkSet(deps, timestamp, raw);
  const read =
    manifest === undefined
      ? { problems: [], objects: 0, bytes: 0 }
      : await readObjects(deps, manifest, validated.problems, options);
  const checked = { objects: read.objects, bytes: read.bytes };
  const verified = finding(checked, [...validated.problems, ...read.problems]);
  const { key, verdict } = await writeVerdict(deps, timestamp, 'verify', verified);
  return { verdict, wrote: [key] };
}

async function readObjects(
  deps: Deps,
  manifest: Manifest,
  known: readonly Problem[],
  { concurrency = OBJECTS_IN_FLIGHT, decode = true, onProgress = () => undefined }: VerifyOptions,
): Promise<{ problems: Problem[]; objects: number; bytes: number }> {
  const gone = new Set(known.filter(({ code }) => code === 'object-missing').map(({ object }) => object));
  const objects = objectsToRead(manifest).filter(({ key }) => !gone.has(key));
  const bytesTotal = objects.reduce((sum, object) => sum + object.bytes, 0);
  const done = { objects: 0, bytes: 0 };
  const report = () => onProgress({ ...done, objectsTotal: objects.length, bytesTotal });
  const problems = await pMap(
    objects,
    async (object) => {
      const found = await verifyObject(deps.store, object, {
        ...callOptions(deps),
        decode,
        onBytes: (bytes) => {
          done.bytes += bytes;
          report();
        },
      });
      done.objects += 1;
      report();
      return found;
    },
    { concurrency },
  );
  const sizeKnown = new Set(known.filter(({ code }) => code === 'size-differs').map(({ object }) => object));
  const news = problems
    .flat()
    .filter(({ code, object }) => code !== 'size-differs' || !sizeKnown.has(object));
  return { ...done, problems: news };
}

function objectsToRead(manifest: Manifest): CheckedObject[] {
  const named = new Map(manifest.relations.map(({ id, schema, name }) => [id, { schema, name }]));
  const extents = new Map<string, readonly Extent[]>();
  for (const { packs } of manifest.contents) for (const pack of packs) extents.set(pack.key, pack.extents);
  return Array.from(objectsOf(manifest), (object) => ({
    ...object,
    extents: extents.get(object.key) ?? [],
    relation: (id: number) => named.get(id),
  }));
}

async function noManifest(deps: Deps, timestamp: string): Promise<StowageError> {
  const { status, problems } = await stateWithoutManifest(deps, timestamp);
  const why = problems.slice(0, 3).map(({ message }) => message);
  return new StowageError(
    status === 'damaged' ? 'set/damaged' : 'set/incomplete',
    `set ${timestamp} has no manifest, so there is nothing to verify it by: ${why.join('; ')}`,
    { where: { set: timestamp } },
  );
}
