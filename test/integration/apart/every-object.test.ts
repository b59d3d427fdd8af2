import { expect, test } from 'vitest';
import { sha256 } from '../../../backup-set/base/document.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey, parseKey } from '../../../backup-set/base/keys.ts';
import type { Deps } from '../../../functions/deps.ts';
import { expireRoot } from '../../../functions/retention/expire-root.ts';
import { endTombstone, writeMark } from '../../../functions/retention/marks.ts';
import { expiryProblems } from '../../../functions/retention/steps-apart.ts';
import { writeVerdict } from '../../../functions/stored/write-verdict.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { openMemory } from '../../chaos/memory-store.ts';
import { keysOf } from '../functions/place.ts';
import { documentsOf, storeAll, storeObjects } from '../functions/sets.ts';
import { backUpFiles } from '../retention/file-sets.ts';
import { backUp, depsOf, RULES, requestRestore } from '../retention/world.ts';

/**
 * One object that cannot be read may keep sets, and may let nothing go that would have stayed. This
 * test withholds each object that expiry reads, one at a time, and then makes each one malformed.
 */

const NOW = new Date('2026-02-10T00:00:00Z');
const at = (day: string) => `2026${day}010203`;
const [OLD_BASE, HELD, RELEASED] = [at('0120'), at('0121'), at('0122')];
const [FILES, MORE_FILES, NEW_FILES] = [at('0123'), at('0124'), at('0125')];
const [RESTORED, COPIED, BURIED, UNDONE] = [at('0126'), at('0127'), at('0128'), at('0129')];
const [BASE_OF_RUNNING, NEWEST_SOUND] = [at('0201'), at('0202')];
const [DAMAGED, USES_DAMAGED, REMOVING, RUNNING] = [at('0203'), at('0204'), at('0205'), at('0209')];
const DAMAGE = { code: 'object-missing', message: 'a pack is missing' } as const;

/** A root with sets in all the states that expiry knows. */
async function everyKindOfSet(): Promise<ObjectStore> {
  const store = openMemory('s3://memory', { clock: () => NOW });
  const deps: Deps = { ...depsOf(store), clock: () => NOW };
  for (const timestamp of [OLD_BASE, HELD, RELEASED, RESTORED, COPIED, BURIED, UNDONE])
    await backUp(deps, timestamp);
  await backUpFiles(deps, FILES);
  await backUpFiles(deps, MORE_FILES, [FILES]);
  await backUpFiles(deps, NEW_FILES);
  await backUp(deps, BASE_OF_RUNNING);
  await backUp(deps, NEWEST_SOUND, OLD_BASE);
  await backUp(deps, DAMAGED);
  await backUp(deps, USES_DAMAGED, DAMAGED);
  await backUp(deps, REMOVING);
  await begin(deps, RUNNING, BASE_OF_RUNNING);
  await findDamage(deps, DAMAGED);
  await writeMark(deps, HELD, 'held', 'an audit');
  await writeMark(deps, RELEASED, 'held', 'an audit');
  await writeMark(deps, RELEASED, 'released', 'an audit');
  await requestRestore(deps, '20260208000000000-0123abcd', RESTORED);
  await writeMark(deps, COPIED, 'reading', 'a copy');
  await writeMark(deps, BURIED, 'expired', 'a test');
  for (const [timestamp, as] of [
    [UNDONE, 'unexpired'],
    [REMOVING, 'removal'],
  ] as const) {
    const tombstone = await writeMark(deps, timestamp, 'expired', 'a test');
    await endTombstone(deps, timestamp, tombstone, as);
  }
  return store;
}

/** A backup that runs: it has its plan and its first receipts. */
async function begin(deps: Deps, timestamp: string, base: string): Promise<void> {
  const read = (key: string) => deps.store.read(key, { bytesMax: 1e9 });
  const manifest = await read(formatKey({ kind: 'manifest', timestamp: base }));
  const part = await read(formatKey({ kind: 'manifest-part', timestamp: base, content: 0 }));
  const from = { timestamp: base, manifestSha256: sha256(manifest) };
  const set = await storeObjects(deps.store, {
    ...{ timestamp, contents: [0] },
    base: { base: from, parts: new Map([[0, part]]) },
  });
  await storeAll(deps.store, documentsOf(set).slice(0, 2));
}

async function findDamage(deps: Deps, timestamp: string): Promise<void> {
  const keys = await keysOf(deps.store, 'sets/');
  const pack = keys.find((key) => key.includes(timestamp) && key.endsWith('.pack'));
  const problems = [{ ...DAMAGE, object: pack ?? '' }];
  const checked = { objects: 1, bytes: 1 };
  const found = { status: 'damaged', checked, problems, problemsTotal: 1 } as const;
  await writeVerdict(deps, timestamp, 'verify', found);
}

type Fault = 'withheld' | 'malformed';

/** Expires in a copy of the root, in which one object cannot be read. */
async function expireWithout(root: ObjectStore, object: string, fault: Fault) {
  const store = openMemory('s3://memory', { clock: () => NOW, like: root });
  const read = new Set<string>();
  const look = (key: string) => {
    read.add(key);
    if (key === object && fault === 'withheld')
      throw new StowageError('storage/denied', `${key}: HTTP 403`, { where: { object: key } });
  };
  const deps: Deps = {
    ...{ log: depsOf(store).log, clock: () => NOW },
    store: {
      ...store,
      async head(key, options) {
        look(key);
        return store.head(key, options);
      },
      async read(key, options) {
        look(key);
        return key === object ? Buffer.from('{"format":') : store.read(key, options);
      },
    },
  };
  const before = await keysOf(store, '');
  const report = await expireRoot(deps, RULES);
  const after = new Set(await keysOf(store, ''));
  const removed = before.filter((key) => !after.has(key));
  await expireRoot({ ...deps, store }, RULES);
  const healed = (await keysOf(store, '')).filter((key) => parseKey(key)?.kind !== 'retention');
  const wasThere = new Set(before);
  return {
    removed,
    told: expiryProblems(report, report.leftovers).join(),
    healed,
    read: [...read].filter((key) => wasThere.has(key)),
  };
}

const setsOf = (keys: readonly string[]) => [...new Set(keys.map((key) => key.split('/')[2]))];

test.each<Fault>(['withheld', 'malformed'])(
  'each object that expiry reads, %s: nothing goes that would have stayed, and it is named',
  async (fault) => {
    const root = await everyKindOfSet();
    const sound = await expireWithout(root, '', fault);
    expect(setsOf(sound.removed)).toEqual([
      ...[OLD_BASE, RELEASED, FILES, MORE_FILES, BURIED, UNDONE, REMOVING],
    ]);
    const going = new Set(sound.removed);
    const inTheEnd = new Set(sound.healed);
    const wrong: object[] = [];
    // A run that cannot read one object may look at others, which are tried, too.
    const objects = new Set(sound.read);
    for (const object of objects) {
      const found = await expireWithout(root, object, fault);
      for (const key of found.read) objects.add(key);
      const lost = found.removed.filter((key) => !going.has(key));
      const gone = new Set(found.removed);
      const isKept = sound.removed.some((key) => !gone.has(key));
      const isTold = !isKept || found.told.includes(object);
      const stuck = found.healed.filter((key) => !inTheEnd.has(key));
      if (lost.length + stuck.length > 0 || !isTold)
        wrong.push({ object, lost: setsOf(lost), stuck: setsOf(stuck), isTold });
    }
    expect(wrong).toEqual([]);
    expect(objects.size).toBeGreaterThan(30);
  },
);
