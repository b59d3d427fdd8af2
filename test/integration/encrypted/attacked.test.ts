import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { formatKey, parseKey } from '../../../backup-set/base/keys.ts';
import { keysToVerify } from '../../../cli/keys/keys-to-verify.ts';
import { verifySet } from '../../../functions/check/verify-set.ts';
import { testKeys } from '../../support/e2e/encryption.ts';
import { bytesOf, fileOf, keysOf } from '../functions/place.ts';
import { storeAll, storeObjects } from '../functions/sets.ts';
import {
  type Attacked,
  attackedRoot,
  contextOf,
  type Edits,
  forge,
  NEWEST,
  readAll,
  replaceKey,
  restitch,
  setKeyObject,
  snapshotOf,
} from './attack.ts';
import { outcomeOf as outcomeOfReading, REFUSAL } from './outcome.ts';
import { baseOf, CONTENTS, encryptionOf } from './small-keys.ts';

const SEAL = formatKey({ kind: 'seal', timestamp: NEWEST });
/** `sets/<day>/<timestamp>/` and the rest of a key. */
const SET_LENGTH = formatKey({ kind: 'plan', timestamp: NEWEST }).length - 'plan.json'.length;
const setOf = (key: string) => key.slice(0, SET_LENGTH);
const nameOf = (key: string) => key.slice(SET_LENGTH).replace(/\d{17}/, 'instant');
const kindOf = (key: string) => {
  const parsed = parseKey(key);
  return parsed?.kind === 'metadata' ? parsed.file : parsed?.kind;
};

let at: Attacked;
let putBack: () => Promise<void>;

beforeAll(async () => {
  at = await attackedRoot();
  putBack = await snapshotOf(at.deps);
  return at.remove;
});
afterEach(() => putBack());

const outcomeOf = (timestamp = NEWEST, context = at.context) =>
  outcomeOfReading(() => readAll(context, timestamp));

test('no object of another set or content is taken for one of an encrypted set', async () => {
  const { deps, older, younger, context } = at;
  const { timestamp } = younger;
  const written = await readAll(context, timestamp);
  const keys = (await keysOf(deps.store, 'sets/')).filter((key) => kindOf(key) !== undefined);
  const refused = new Set<string | undefined>();
  for (const key of keys) {
    if (!key.includes(older.timestamp) && !key.includes(timestamp)) continue;
    const alike = keys.filter((other) => other !== key && kindOf(other) === kindOf(key));
    // One of the same set, and those of the other sets with the same name.
    const [sibling] = alike.filter((other) => setOf(other) === setOf(key));
    const namesakes = alike.filter((other) => nameOf(other) === nameOf(key));
    const before = await bytesOf(deps.store, key);
    for (const other of [sibling ?? key, ...namesakes]) {
      await writeFile(fileOf(deps.store, key), await bytesOf(deps.store, other));
      const found = await outcomeOf(timestamp);
      if (found === written) continue;
      refused.add(kindOf(key));
      expect(found, `${key} is ${other}`).toMatch(REFUSAL);
    }
    await writeFile(fileOf(deps.store, key), before);
  }
  expect([...refused].toSorted()).toEqual([
    ...['base-part', 'manifest', 'manifest-part', 'pack', 'plan', 'receipt', 'schema.dump'],
    ...['seal', 'seal-part', 'sequences.sql.zst', 'set-key'],
  ]);
});

describe('a set whose documents were edited until they agree again', () => {
  const lessRows: Edits = {
    receipt: (one) => (one.kind === 'pack' && one.sequence === 2 ? undefined : one),
    part: (part) => ({
      ...part,
      relations: part.relations.map((one) =>
        one.relation === 0 ? { ...one, rows: 500, bytes: firstBytes(part.content) } : one,
      ),
    }),
  };
  const edits: readonly [string, Edits][] = [
    ['with fewer packs and lower counts', lessRows],
    [
      'with another row format',
      {
        receipt: (one) =>
          one.kind === 'pack'
            ? { ...one, extents: one.extents.map((each) => ({ ...each, rowFormat: 'binary' })) }
            : one,
        part: (part) => ({
          ...part,
          relations: part.relations.map((one) =>
            one.rows > 0 ? { ...one, rowFormat: 'binary' as const } : one,
          ),
        }),
      },
    ],
  ];
  test.each(edits)(
    '%s is refused because of its seal, and verify names the seal',
    async (_, edit) => {
      expect(await forge(at.deps, at.newest, edit)).toBe('complete');
      expect(await outcomeOf()).toMatch(/^set\/damaged: .*coordinator of the backup wrote/);
      const keyed = await keysToVerify(at.context, at.deps, NEWEST);
      const { verdict } = await verifySet(at.deps, NEWEST, keyed);
      expect(verdict).toMatchObject({ status: 'damaged', decrypted: true });
      expect(verdict.problems).toContainEqual(
        expect.objectContaining({ code: 'not-proven', object: SEAL }),
      );
    },
  );

  test('without the mac of its seal gets no manifest', async () => {
    expect(await forge(at.deps, at.newest, { seal: ({ mac: _, ...seal }) => seal })).toBe(
      'damaged',
    );
    expect(await outcomeOf()).toMatch(/^set\/incomplete: .*seal\.json: only one of plan and seal/);
  });

  test('to have the rows of an older set is refused because of its seal', async () => {
    const { deps, older } = at;
    const { store } = deps;
    const files = new Map<string, Buffer>();
    for (const key of await keysOf(store, `sets/20260301/${NEWEST}/`)) {
      files.set(key, Buffer.from(await bytesOf(store, key)));
      if (key !== setKeyObject(NEWEST)) await rm(fileOf(store, key));
    }
    // All that the attacker cannot make is taken from the stored sets.
    const own = at.setKeys.get(NEWEST);
    const real = encryptionOf(own ?? Buffer.alloc(0), NEWEST, [
      { timestamp: older.timestamp, keyId: at.keyIds[0] ?? '' },
    ]);
    const replayed = await storeObjects(store, {
      timestamp: NEWEST,
      contents: CONTENTS,
      base: await baseOf(deps, older),
      encrypted: {
        ...real,
        file: (_, key) => files.get(key) ?? Buffer.alloc(0),
        sealed: (seal) => ({ ...seal, mac: 'ab'.repeat(32) }),
      },
    });
    await storeAll(store, [
      replayed.plan,
      ...replayed.baseParts,
      ...replayed.receipts,
      ...replayed.sealParts,
      replayed.seal,
    ]);
    expect(await restitch(deps, NEWEST)).toBe('complete');
    expect(await outcomeOf()).toMatch(/^set\/damaged: .*seal\.json.*coordinator of the backup/);
  });

  test('to be a plain one is refused with recipients or an identity, and gives no row where it is accepted', async () => {
    const downgrade: Edits = {
      plan: ({ encryption: _, features: __, ...plan }) => plan,
      seal: ({ mac: _, ...seal }) => seal,
    };
    expect(await forge(at.deps, at.newest, downgrade)).toBe('complete');
    const { identityFile } = at.operator;
    for (const context of [at.context, contextOf(at.deps, { identityFile })]) {
      expect(await outcomeOf(NEWEST, context)).toMatch(
        `encryption/plain-set: set ${NEWEST} is not encrypted`,
      );
      expect(await outcomeOf(NEWEST, { ...context, acceptsPlain: true })).toMatch(
        /^set\/damaged: .*frame cannot be decompressed/,
      );
    }
  });
});

describe('the key document of a set', () => {
  const other = Buffer.alloc(32, 77);
  test.each([
    ['of another set', { timestamp: '20260301010204' }],
    ['of another root', { root: 'file:///elsewhere' }],
    ['with the key of an attacker', { key: other }],
  ])('%s is refused, and the set is not read', async (_, wrong) => {
    const key = at.setKeys.get(NEWEST) ?? other;
    const { recipient } = at.operator;
    await replaceKey(at.deps, NEWEST, { recipient, key, claims: at.keyIds[2] ?? '', ...wrong });
    expect(await outcomeOf()).toMatch(/^encryption\/no-key: .*keys\//);
    const keyed = await keysToVerify(at.context, at.deps, NEWEST);
    const { verdict } = await verifySet(at.deps, NEWEST, keyed);
    expect(verdict).toMatchObject({
      status: 'damaged',
      decrypted: false,
      problems: [{ code: 'not-proven', object: setKeyObject(NEWEST) }],
    });
  });

  test('of an older set, whose packs the set uses, cannot be exchanged', async () => {
    const { recipient } = at.operator;
    await replaceKey(at.deps, at.older.timestamp, { recipient, key: other });
    expect(await outcomeOf(at.younger.timestamp)).toMatch(/^encryption\/no-key: .*keys\//);
  });

  test('opens with no other identity', async () => {
    const stranger = await testKeys(join(fileURLToPath(at.deps.store.url), '.stranger'));
    const context = contextOf(at.deps, stranger.section());
    expect(await outcomeOf(NEWEST, context)).toMatch(/^encryption\/no-identity: /);
  });
});

/** Bytes of the first 500 rows of the first relation. */
function firstBytes(content: number): number {
  const rows = Array.from(
    { length: 500 },
    (_, row) => `${5_000 + row}\tcontent ${content} says \\N\\n\n`,
  );
  return Buffer.byteLength(rows.join(''));
}
