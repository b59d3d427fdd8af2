import { eachInFlight } from '../../async/each-in-flight.ts';
import { decode, sha256 } from '../../backup-set/base/document.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey, parseKey } from '../../backup-set/base/keys.ts';
import { Needs, packsOf } from '../../backup-set/documents/retention/needs.ts';
import type { Deps } from '../deps.ts';
import { readDocument } from '../stored/load.ts';
import { apart } from '../stored/unreadable.ts';
import type { SetFacts } from './facts.ts';

/** Which packs of sets that go are needed by sets that stay. */
export interface NeededPacks {
  /** Also of a document with the key of a set: without it, no pack of that set can be read. */
  isNeeded(key: string): boolean;
  /** The sets that need packs of a set, the oldest first. */
  neededBy(timestamp: string): readonly string[];
}

const LISTS_IN_FLIGHT = 8;

/**
 * Reads which packs of the sets `going` the other sets need. When in doubt, all packs are needed:
 * a list that cannot be read, a set that may still become complete, an unreadable manifest.
 */
export async function neededPacksOf(
  deps: Deps,
  facts: ReadonlyMap<string, SetFacts>,
  going: ReadonlySet<string>,
): Promise<NeededPacks> {
  const packs = new Set<string>();
  const users = new Map<string, Set<string>>();
  const whole = new Set<string>();
  const use = (older: string, user: string) => {
    const known = users.get(older) ?? new Set();
    users.set(older, known.add(user));
  };
  const useAll = (older: string, user: string) => {
    if (!going.has(older)) return;
    whole.add(older);
    use(older, user);
  };
  const useAllUntil = (newest: string, user: string) => {
    for (const older of going) if (older <= newest && older !== user) useAll(older, user);
  };
  const useListed = async (of: SetFacts, user: string) => {
    if (of.needs.kind !== 'manifest' || !of.needs.sets.some((older) => going.has(older))) return;
    const list = await readNeeds(deps, of);
    if (list === undefined) for (const older of of.needs.sets) useAll(older, user);
    else
      for (const entry of list.packs) {
        if (!going.has(entry.set)) continue;
        use(entry.set, user);
        for (const key of packsOf({ packs: [entry] })) packs.add(compact(key));
      }
  };
  const staying = [...facts.values()].filter(
    ({ timestamp, retention }) => !going.has(timestamp) && retention.state !== 'removing',
  );
  await eachInFlight(staying, LISTS_IN_FLIGHT, async (set) => {
    deps.signal?.throwIfAborted();
    const { needs, needsFilesOf, timestamp } = set;
    for (const older of needsFilesOf) useAll(older, timestamp);
    if (needs.kind === 'manifest') return useListed(set, timestamp);
    if (needs.kind === 'unknown') return useAllUntil(timestamp, timestamp);
    if (needs.kind === 'nothing' || needs.base === undefined) return;
    useAll(needs.base, timestamp);
    const base = facts.get(needs.base);
    if (base?.needs.kind !== 'manifest') return useAllUntil(needs.base, timestamp);
    return useListed(base, timestamp);
  });
  return {
    isNeeded(key) {
      const parsed = parseKey(key);
      // An increment of gpbackup needs older sets as a whole: a list names packs only.
      if (parsed?.kind === 'file') return whole.has(parsed.timestamp);
      if (parsed?.kind === 'set-key' || parsed?.kind === 'host-key')
        return users.has(parsed.timestamp);
      if (parsed?.kind !== 'pack') return false;
      return whole.has(parsed.timestamp) || packs.has(compact(key));
    },
    neededBy: (timestamp) => [...(users.get(timestamp) ?? [])].sort(),
  };
}

/** Without what all keys have: a third of the memory. */
const compact = (key: string) => key.slice('sets/YYYYMMDD/'.length, -'.pack'.length);

/** The list that the manifest pins; undefined when there is none, or another. */
async function readNeeds(deps: Deps, { timestamp, needs }: SetFacts): Promise<Needs | undefined> {
  const list = needs.kind === 'manifest' ? needs.list : undefined;
  if (list === undefined) return undefined;
  const key = formatKey({ kind: 'needs', timestamp });
  return apart(
    deps,
    'all packs of the sets that a list of needed packs is about are kept',
    async () => {
      const raw = await readDocument(deps, key, list.bytes);
      if (raw !== undefined && sha256(raw.bytes) === list.sha256) return decode(Needs, raw);
      throw new StowageError('set/unreadable', `${key} is missing or damaged`, {
        where: { object: key },
      });
    },
    () => undefined,
  );
}
