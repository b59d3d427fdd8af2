import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { decode, encode } from '../../../backup-set/base/document.ts';
import { formatKey, setPrefix } from '../../../backup-set/base/keys.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { chooseBase, type WantedBase } from '../../../cli/backup/base/choose.ts';
import type { ClusterContext } from '../../../cli/context.ts';
import { noteUnproven } from '../../../cli/keys/note-unproven.ts';
import { digestKeyText } from '../../../encryption/digest-key.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { bytesOf, fileOf, keysOf } from '../functions/place.ts';
import { documentsOf, storeAll, storeObjects } from '../functions/sets.ts';
import { type Attacked, attackedRoot, forge, NEWEST, replaceKey, snapshotOf } from './attack.ts';
import { CONTENTS, DIGEST_KEY, encryptionOf } from './small-keys.ts';

// What a program that can write to the bucket, and has no secret of the coordinator, makes to be
// the base of the next backup: that set would carry its rows under a right mac of its own.

const FORGED = '20260401010203';
const ATTACKER = Buffer.alloc(32, 66);

let at: Attacked;
let root: string;
let putBack: () => Promise<void>;
let notes: unknown[][];

beforeAll(async () => {
  at = await attackedRoot();
  for (const { timestamp } of [at.older, at.younger, at.newest]) await validate(at.deps, timestamp);
  root = (await manifestOf(NEWEST)).root;
  putBack = await snapshotOf(at.deps);
  return at.remove;
});
beforeEach(() => {
  notes = [];
});
afterEach(() => putBack());

const manifestKey = (timestamp: string) => formatKey({ kind: 'manifest', timestamp });

async function manifestOf(timestamp: string): Promise<Manifest> {
  const key = manifestKey(timestamp);
  return decode(Manifest, { key, bytes: await bytesOf(at.deps.store, key) });
}

async function base(digestKey: Buffer | undefined, wanted: WantedBase = 'newest') {
  const { cluster, database, flavour, selection } = await manifestOf(at.older.timestamp);
  const { config } = at.context;
  const context = {
    ...at.context,
    output: { note: (...given: unknown[]) => void notes.push(given) },
    config: { ...config, cluster, database, flavour, backup: { ...config.backup, ...selection } },
  } as unknown as ClusterContext;
  const store = { ...at.deps.store, url: root };
  return (await chooseBase(context, store, wanted, { digestKey }))?.manifest.timestamp;
}

/** A whole set of the attacker, complete for all functions, whose key the operator can open. */
async function plant(digestKey: Buffer | 'none'): Promise<void> {
  const { deps, operator } = at;
  const encrypted = encryptionOf(ATTACKER, FORGED, undefined, digestKey);
  const set = await storeObjects(deps.store, { timestamp: FORGED, contents: CONTENTS, encrypted });
  await replaceKey(deps, FORGED, { recipient: operator.recipient, key: ATTACKER });
  await storeAll(deps.store, documentsOf(set));
  expect(await stitch(deps, FORGED)).toMatchObject({ status: 'complete' });
  expect((await validate(deps, FORGED)).verdict.status).toBe('complete');
}

/** What a restore, or `verify` with an identity, says of a set. */
async function noted(timestamp: string, digestKey: string): Promise<void> {
  const digestKeyFile = join(dirname(at.operator.identityFile), 'own-digest.key');
  await writeFile(digestKeyFile, digestKey, { mode: 0o600 });
  const output = { note: (...given: unknown[]) => void notes.push(given) };
  const config = { encryption: { recipients: [], digestKeyFile } };
  await noteUnproven({ config, output } as unknown as ClusterContext, at.deps, timestamp);
}

const said = () => notes.map(([event, fields]) => [event, fields]);

describe('the base of an encrypted backup', () => {
  test('is a set that the digest key of the coordinator proves, also one that carries rows', async () => {
    expect(await base(DIGEST_KEY)).toBe(NEWEST);
    expect(await base(DIGEST_KEY, { timestamp: at.younger.timestamp })).toBe(at.younger.timestamp);
    expect(notes).toEqual([]);
  });

  test.each([
    ['without a coordinatorMac', 'none' as const, /has no coordinatorMac/],
    ['under a digest key of its own', ATTACKER, /not of encryption.digestKeyFile/],
  ])('is not a set that another program has made %s', async (_, digestKey, reason) => {
    await plant(digestKey);
    expect(await base(DIGEST_KEY)).toBe(NEWEST);
    expect(said()).toEqual([
      ['base-unproven', { set: FORGED, reason: expect.stringMatching(reason) }],
    ]);
    await expect(base(DIGEST_KEY, { timestamp: FORGED })).rejects.toMatchObject({
      code: 'usage/flag',
      message: expect.stringMatching(reason),
    });
  });

  test('is none when the only set is forged, and the backup says which and why', async () => {
    await plant(ATTACKER);
    for (const { timestamp } of [at.older, at.younger, at.newest])
      for (const key of await keysOf(at.deps.store, setPrefix(timestamp)))
        if (key !== manifestKey(at.older.timestamp)) await rm(fileOf(at.deps.store, key));
    expect(await base(DIGEST_KEY)).toBeUndefined();
    expect(said()[0]).toEqual([
      'no-base',
      { set: FORGED, reason: expect.stringContaining(`${FORGED}/seal.json`) },
    ]);
  });

  test('is not a set whose manifest was edited after its validation', async () => {
    const manifest = await manifestOf(NEWEST);
    const relations = manifest.relations.map((one) => ({
      ...one,
      columns: one.columns.toReversed(),
    }));
    const file = fileOf(at.deps.store, manifestKey(NEWEST));
    await writeFile(file, encode(Manifest, { ...manifest, relations }));
    expect(await base(DIGEST_KEY)).toBe(at.younger.timestamp);
    const reason = expect.stringContaining('does not follow from the sealed receipts');
    expect(said()).toEqual([['base-unproven', { set: NEWEST, reason }]]);
  });

  test('is not a set whose documents were all edited so that they agree', async () => {
    expect(
      await forge(at.deps, at.newest, {
        seal: (seal) => ({ ...seal, sealedAt: '2027-01-01T00:00:00.000Z' }),
      }),
    ).toBe('complete');
    await validate(at.deps, NEWEST);
    expect(await base(DIGEST_KEY)).toBe(at.younger.timestamp);
    expect(said()).toMatchObject([['base-unproven', { set: NEWEST }]]);
  });

  test('is not a set whose seal cannot be read', async () => {
    await writeFile(fileOf(at.deps.store, at.newest.seal.key), 'x');
    expect(await base(DIGEST_KEY)).toBe(at.younger.timestamp);
  });

  test('is none without a digest key, or with a new one, and the backup says what to do', async () => {
    expect(await base(undefined)).toBeUndefined();
    expect(await base(Buffer.alloc(32, 4))).toBeUndefined();
    expect(said().filter(([event]) => event === 'no-base')).toEqual([
      [
        'no-base',
        { set: NEWEST, reason: expect.stringContaining('encryption.digestKeyFile is not set') },
      ],
      ['no-base', { set: NEWEST, reason: expect.stringContaining('another digest key') }],
    ]);
  });
});

describe('a set that is read with an identity', () => {
  test('is named when the digest key of the configuration does not prove it', async () => {
    await plant('none');
    await noted(NEWEST, digestKeyText(DIGEST_KEY));
    expect(notes).toEqual([]);
    await noted(FORGED, digestKeyText(DIGEST_KEY));
    await noted(NEWEST, digestKeyText(ATTACKER));
    await noted(NEWEST, 'no key');
    expect(said()).toEqual([
      ['set-unproven', { set: FORGED, reason: expect.stringMatching('has no coordinatorMac') }],
      ['set-unproven', { set: NEWEST, reason: expect.stringMatching('another digest key') }],
      ['set-unproven', { set: NEWEST, reason: expect.stringMatching('is not a digest key') }],
    ]);
  });
});
