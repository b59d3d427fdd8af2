import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import pino from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { decode } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { chooseBase } from '../../../cli/backup/base/choose.ts';
import type { ClusterContext } from '../../../cli/context.ts';
import { keysToVerify } from '../../../cli/keys/keys-to-verify.ts';
import { verifySet } from '../../../functions/check/verify-set.ts';
import type { Deps } from '../../../functions/deps.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { openStore } from '../../../storage/open.ts';
import { bytesOf, fileOf, keysOf } from '../functions/place.ts';
import { documentsOf, type SmallSet, storeAll, storeObjects } from '../functions/sets.ts';
import {
  attackedRoot,
  contextOf,
  NEWEST,
  readAll,
  replaceKey,
  setKeyObject,
  snapshotOf,
} from './attack.ts';
import { outcomeOf, REFUSAL } from './outcome.ts';
import { baseOf, CONTENTS, DIGEST_KEY } from './small-keys.ts';
import { carryOut, setOf, someAttacks } from './thief.ts';

const RUNS = 40;

const verified = (context: ClusterContext, deps: Deps, timestamp: string) =>
  outcomeOf(async () => {
    const keyed = await keysToVerify(context, deps, timestamp);
    const { verdict } = await verifySet(deps, timestamp, keyed);
    return `${verdict.status}, decrypted: ${String(verdict.decrypted)}`;
  });

/** Attacks the objects of all sets, and gives `check` the set of which the first one is. */
async function attacked(deps: Deps, check: (timestamp: string) => Promise<void>): Promise<void> {
  const putBack = await snapshotOf(deps);
  const keys = await keysOf(deps.store, 'sets/');
  await fc.assert(
    fc.asyncProperty(someAttacks(keys), async (attacks) => {
      try {
        for (const attack of attacks) await carryOut(deps.store, attack);
        await check(setOf(attacks[0]?.key ?? ''));
      } finally {
        await putBack();
      }
    }),
    { numRuns: RUNS },
  );
}

/** What is read of each set before any attack. */
async function readEach({ deps, context, sets }: Root): Promise<ReadonlyMap<string, string>> {
  const putBack = await snapshotOf(deps);
  const written = new Map<string, string>();
  for (const timestamp of sets) written.set(timestamp, await readAll(context, timestamp));
  // The marks of the reader.
  await putBack();
  return written;
}

interface Root {
  readonly deps: Deps;
  readonly context: ClusterContext;
  readonly sets: readonly string[];
}

test('an encrypted set is read only as it was written, whatever becomes of some objects', async () => {
  const root = await encryptedRoot();
  const written = await readEach(root);
  let refused = 0;
  await attacked(root.deps, async (timestamp) => {
    const verdict = await verified(root.context, root.deps, timestamp);
    const read = await outcomeOf(() => readAll(root.context, timestamp));
    if (read === written.get(timestamp)) return;
    refused += 1;
    expect(read).toMatch(REFUSAL);
    expect(verdict).not.toBe('complete, decrypted: true');
  });
  expect(refused).toBeGreaterThan(0);
});

test('a plain set that is verified is read as it was written, whatever becomes of some objects', async () => {
  const root = await plainRoot();
  const written = await readEach(root);
  let refused = 0;
  await attacked(root.deps, async (timestamp) => {
    const verdict = await verified(root.context, root.deps, timestamp);
    if (!verdict.startsWith('complete')) refused += 1;
    else
      expect(await outcomeOf(() => readAll(root.context, timestamp))).toBe(written.get(timestamp));
  });
  expect(refused).toBeGreaterThan(0);
});

test('a set is the base of an encrypted backup only as it was written, whatever becomes of some objects', async () => {
  const { deps, context, sets } = await encryptedRoot();
  const written = new Map<string, Manifest>();
  for (const timestamp of sets) written.set(timestamp, await manifestOf(deps, timestamp));
  const { cluster, database, flavour, selection, root } = await manifestOf(deps, NEWEST);
  const { config } = context;
  const backup = {
    ...context,
    output: { note: () => undefined },
    config: { ...config, cluster, database, flavour, backup: { ...config.backup, ...selection } },
  } as unknown as ClusterContext;
  const chosen = new Set<string | undefined>();
  await attacked(deps, async () => {
    const store = { ...deps.store, url: root };
    const base = await chooseBase(backup, store, 'newest', { digestKey: DIGEST_KEY });
    chosen.add(base?.manifest.timestamp);
    if (base !== undefined) expect(base.manifest).toEqual(written.get(base.manifest.timestamp));
  });
  expect(chosen.size).toBeGreaterThan(1);
});

async function manifestOf({ store }: Deps, timestamp: string): Promise<Manifest> {
  const key = formatKey({ kind: 'manifest', timestamp });
  return decode(Manifest, { key, bytes: await bytesOf(store, key) });
}

/** Three sets; the key of each is wrapped once more, as `stowage key add` does. */
async function encryptedRoot(): Promise<Root> {
  const { deps, context, remove, setKeys, operator } = await attackedRoot();
  onTestFinished(remove);
  const { store } = deps;
  for (const [timestamp, key] of setKeys) {
    const first = await bytesOf(store, setKeyObject(timestamp));
    await replaceKey(deps, timestamp, { recipient: operator.recipient, key });
    const again = formatKey({ kind: 'set-key', timestamp, instant: '20260401000000000' });
    await writeFile(fileOf(store, again), await bytesOf(store, setKeyObject(timestamp)));
    await writeFile(fileOf(store, setKeyObject(timestamp)), first);
    await validate(deps, timestamp);
  }
  return { deps, context, sets: [...setKeys.keys()] };
}

/** The same sets without encryption: one carries its rows, the newest has other ones. */
async function plainRoot(): Promise<Root> {
  const folder = await mkdtemp(join(tmpdir(), 'thief-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const store = await openStore({ root: pathToFileURL(folder).href });
  const deps: Deps = { store, clock: () => new Date(), log: pino({ level: 'silent' }) };
  const commit = async (set: SmallSet) => {
    await storeAll(store, documentsOf(set));
    expect(await stitch(deps, set.timestamp)).toMatchObject({ status: 'complete' });
    return set;
  };
  const of = (timestamp: string) => ({ timestamp, contents: CONTENTS });
  const older = await commit(await storeObjects(store, of('20260131010203')));
  const base = await baseOf(deps, older);
  const younger = await commit(await storeObjects(store, { ...of('20260201010203'), base }));
  const newest = await commit(await storeObjects(store, { ...of(NEWEST), first: 5_000 }));
  const sets = [older, younger, newest].map(({ timestamp }) => timestamp);
  for (const timestamp of sets) await validate(deps, timestamp);
  return { deps, context: contextOf(deps, undefined), sets };
}
