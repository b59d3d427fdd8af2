import { eachInFlight } from '../../async/each-in-flight.ts';
import { parseKey } from '../../backup-set/base/keys.ts';
import type { ProblemCode, Verdict } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import type { Deps } from '../deps.ts';
import { currentVerdict } from '../stored/current-verdict.ts';
import { READS_IN_FLIGHT } from '../stored/load.ts';
import { newestSets } from '../stored/newest.ts';
import { readPart } from '../stored/read-part.ts';
import { tryReadDocument } from './status.ts';

/** A pack that a set uses, and that the check of another set has found damaged. */
export interface DamagedPack {
  readonly object: string;
  /** The set whose check has found it. */
  readonly foundIn: string;
}

/** What a set has to do with packs: where they lie, and what the last check of it says. */
export interface UsingSet {
  readonly timestamp: string;
  readonly needs: readonly string[];
  readonly verdict: Verdict | undefined;
}

/** Damage that a listing of the store shows, so that every later check would have seen it. */
const LISTED: ReadonlySet<ProblemCode> = new Set([
  'object-missing',
  'size-differs',
  'etag-differs',
  'key-missing',
]);

interface Damage extends DamagedPack {
  /** The set in whose folder it lies. */
  readonly folder: string;
  readonly at: string;
  readonly isListed: boolean;
  /** Any pack of the folder can be damaged: not all problems are listed, or its key is lost. */
  readonly isCut: boolean;
}

/** The damaged packs of all sets whose verdicts are given. */
export function damagedPacksIn(sets: Iterable<Pick<UsingSet, 'timestamp' | 'verdict'>>) {
  const verdicts = new Map<string, Verdict>();
  const damages: Damage[] = [];
  for (const { timestamp, verdict } of sets) {
    if (verdict === undefined) continue;
    // Of a sound set its problems, of which there are none, and its time are kept.
    verdicts.set(timestamp, verdict);
    if (verdict.status === 'damaged') damages.push(...damagesOf(timestamp, verdict));
  }
  /** The damage of other sets' verdicts that a set may share. */
  const sharedWith = ({ timestamp, needs, verdict }: UsingSet): Damage[] =>
    damages.filter(
      (damage) =>
        damage.foundIn !== timestamp &&
        (damage.folder === timestamp || needs.includes(damage.folder)) &&
        !isPast(damage, verdict) &&
        !isPast(damage, verdicts.get(damage.folder)),
    );
  return {
    /** The damaged packs that a committed set uses. Reads its manifest only when it may use one. */
    async usedBy(deps: Deps, set: UsingSet): Promise<DamagedPack[]> {
      const shared = sharedWith(set);
      if (shared.length === 0) return [];
      const used = await packsOf(deps, set.timestamp);
      const packs = new Map<string, DamagedPack>();
      for (const { object, foundIn, isCut } of shared)
        if (used === undefined || isCut || used.has(object)) packs.set(object, { object, foundIn });
      return [...packs.values()];
    },
  };
}

function damagesOf(foundIn: string, { problems, problemsTotal, at }: Verdict): Damage[] {
  const isCut = problemsTotal > problems.length;
  return problems.flatMap(({ object = '', code }) => {
    const isListed = LISTED.has(code);
    // Without the key of a set, no pack in its folder can be read.
    const [, keyless] = code === 'key-missing' ? (KEYS_OF_SET.exec(object) ?? []) : [];
    if (keyless !== undefined)
      return [{ object, folder: keyless, foundIn, at, isListed, isCut: true }];
    const key = parseKey(object);
    if (key?.kind !== 'pack') return [];
    return [{ object, folder: key.timestamp, foundIn, at, isListed, isCut }];
  });
}

const KEYS_OF_SET = /^sets\/\d{8}\/(\d{14})\/keys\/$/;

/** A later check, which would have seen the damage, found the set complete. */
const isPast = ({ at, isListed }: Damage, verdict: Verdict | undefined): boolean =>
  verdict?.status === 'complete' && verdict.at > at && (isListed || verdict.level === 'verify');

/** Undefined when the documents of the set cannot be read: it may use any pack. */
async function packsOf(deps: Deps, timestamp: string): Promise<ReadonlySet<string> | undefined> {
  const manifest = await tryReadDocument(deps, timestamp, 'manifest', Manifest);
  if (manifest === undefined) return undefined;
  const keys = new Set<string>();
  for (const { content } of manifest.contents) {
    const part = await readPart(deps, manifest, content);
    if (!part.ok) return undefined;
    for (const { key } of part.value.packs) keys.add(key);
  }
  return keys;
}

/**
 * The damaged packs that a committed set uses, from the verdicts of all sets that can use them: the
 * sets that it needs, and all that are younger than the oldest of these.
 */
export async function damagedPacksUsedBy(deps: Deps, set: UsingSet): Promise<DamagedPack[]> {
  const oldest = [set.timestamp, ...set.needs].toSorted()[0] ?? set.timestamp;
  const timestamps: string[] = [];
  for await (const timestamp of newestSets(deps)) {
    if (timestamp < oldest) break;
    timestamps.push(timestamp);
  }
  const sets: Pick<UsingSet, 'timestamp' | 'verdict'>[] = [];
  await eachInFlight(timestamps, READS_IN_FLIGHT, async (timestamp) => {
    const verdict = await currentVerdict(deps, timestamp, { isCommitted: true });
    sets.push({ timestamp, verdict });
  });
  return damagedPacksIn(sets).usedBy(deps, set);
}
