import { describe, expect, it } from 'vitest';
import { decode, digestOf, encode, sha256 } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { Receipt } from '../../../backup-set/documents/receipt.ts';
import { Seal, SealPart } from '../../../backup-set/documents/seal.ts';
import { requireProven } from '../../../cli/keys/prove.ts';
import type { Deps } from '../../../functions/deps.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { bytesOf } from '../functions/place.ts';
import { documentsOf, type SmallSet, storeAll } from '../functions/sets.ts';
import { encryptedSets } from './small-keys.ts';

// What a program that can write to the bucket, and has no key, makes of the documents of a set.

interface Documents {
  readonly plan: Plan;
  readonly receipts: readonly Receipt[];
  readonly parts: readonly SealPart[];
  readonly seal: Seal;
}

function read(set: SmallSet): Documents {
  return {
    plan: decode(Plan, set.plan),
    receipts: set.receipts.map((raw) => decode(Receipt, raw)),
    parts: set.sealParts.map((raw) => decode(SealPart, raw)),
    seal: decode(Seal, set.seal),
  };
}

/** Replaces the documents by changed ones that agree with each other, and commits them again. */
async function replace(deps: Deps, set: SmallSet, changed: Documents): Promise<Manifest> {
  const { timestamp, contents } = set;
  const keyOf = (receipt: Receipt) => formatKey({ ...receipt, kind: 'receipt' });
  const digests = new Map(
    changed.receipts.map((receipt) => [keyOf(receipt), sha256(encode(Receipt, receipt))]),
  );
  const parts = changed.parts.map((part) => ({
    ...part,
    receipts: part.receipts.flatMap((one) => {
      const key = formatKey({ kind: 'receipt', timestamp, content: part.content, ...one });
      const digest = digests.get(key);
      return digest === undefined ? [] : [{ ...one, sha256: digest }];
    }),
  }));
  const plan = { key: set.plan.key, bytes: encode(Plan, changed.plan) };
  const seal: Seal = {
    ...changed.seal,
    planSha256: sha256(plan.bytes),
    contents: parts.map((part) => ({
      content: part.content,
      part: digestOf(encode(SealPart, part)),
    })),
  };
  const manifest = formatKey({ kind: 'manifest', timestamp });
  const made = contents.map((content) => formatKey({ kind: 'manifest-part', timestamp, content }));
  const stored = documentsOf(set).map(({ key }) => key);
  await deps.store.delete([manifest, formatKey({ kind: 'needs', timestamp }), ...made, ...stored]);
  await storeAll(deps.store, [
    plan,
    ...set.baseParts,
    ...changed.receipts.map((receipt) => ({
      key: keyOf(receipt),
      bytes: encode(Receipt, receipt),
    })),
    ...parts.map((part) => ({
      key: formatKey({ kind: 'seal-part', timestamp, content: part.content }),
      bytes: encode(SealPart, part),
    })),
    { key: set.seal.key, bytes: encode(Seal, seal) },
  ]);
  expect(await stitch(deps, timestamp)).toMatchObject({ status: 'complete' });
  return decode(Manifest, { key: manifest, bytes: await bytesOf(deps.store, manifest) });
}

const FORGERIES: Readonly<Record<string, (documents: Documents) => Documents>> = {
  'columns of a table change places': ({ plan, ...rest }) => ({
    ...rest,
    plan: {
      ...plan,
      relations: plan.relations.map((one) => ({ ...one, columns: one.columns.toReversed() })),
    },
  }),
  'the rows of a table are left out': ({ receipts, parts, ...rest }) => ({
    ...rest,
    receipts: receipts.filter((one) => one.kind !== 'pack'),
    parts: parts.map((part) => ({
      ...part,
      relations: part.relations.map((one) => ({ ...one, rows: 0, bytes: 0 })),
    })),
  }),
  'a frame is given to another table': ({ receipts, parts, ...rest }) => {
    const swapped = receipts.map((one) =>
      one.kind === 'pack'
        ? { ...one, extents: one.extents.map((extent) => ({ ...extent, relation: 0 })) }
        : one,
    );
    const sum = (content: number, field: 'rows' | 'bytes') =>
      swapped
        .flatMap((one) => (one.kind === 'pack' && one.content === content ? one.extents : []))
        .reduce((total, extent) => total + extent[field], 0);
    return {
      ...rest,
      receipts: swapped,
      parts: parts.map((part) => ({
        ...part,
        relations: part.relations.map((one) =>
          one.relation === 0
            ? { ...one, rows: sum(part.content, 'rows'), bytes: sum(part.content, 'bytes') }
            : { ...one, rows: 0, bytes: 0 },
        ),
      })),
    };
  },
  'the plan names another key': ({ plan, ...rest }) => ({
    ...rest,
    plan: { ...plan, encryption: { keyId: 'ab'.repeat(16) } },
  }),
  'the seal is of another time': ({ seal, ...rest }) => ({
    ...rest,
    seal: { ...seal, sealedAt: '2026-02-01T00:00:00.000Z' },
  }),
};

describe('documents that were forged without the key of the set', () => {
  it.each(Object.entries(FORGERIES))(
    'are complete for the functions, and refused with the key, when %s',
    async (_, forge) => {
      const { deps, older, setKeys } = await encryptedSets();
      const forged = await replace(deps, older, forge(read(older)));
      expect((await validate(deps, older.timestamp)).verdict.status).toBe('complete');
      await expect(requireProven(deps, forged, { setKey: setKeys[0] })).rejects.toMatchObject({
        code: 'set/damaged',
        where: { object: older.seal.key },
      });
    },
  );

  it('are accepted when nothing was forged, also in a set that carries all of its rows', async () => {
    const { deps, older, younger, setKeys } = await encryptedSets();
    for (const [at, set] of [older, younger].entries()) {
      const key = formatKey({ kind: 'manifest', timestamp: set.timestamp });
      const manifest = decode(Manifest, { key, bytes: await bytesOf(deps.store, key) });
      const setKey = setKeys[at] ?? Buffer.alloc(0);
      await expect(requireProven(deps, manifest, { setKey })).resolves.toBeUndefined();
    }
  });

  it('are refused when only the manifest was changed', async () => {
    const { deps, younger, setKeys } = await encryptedSets();
    const key = formatKey({ kind: 'manifest', timestamp: younger.timestamp });
    const manifest = decode(Manifest, { key, bytes: await bytesOf(deps.store, key) });
    const forged = { ...manifest, database: 'other' };
    await expect(requireProven(deps, forged, { setKey: setKeys[1] })).rejects.toMatchObject({
      code: 'set/damaged',
      where: { object: key },
    });
  });

  it('are damaged for the functions when the plan does not name the key of an older set that it uses', async () => {
    const { deps, younger } = await encryptedSets();
    const documents = read(younger);
    const { older: _, ...encryption } = documents.plan.encryption ?? { keyId: '' };
    const plan = { ...documents.plan, encryption };
    await expect(replace(deps, younger, { ...documents, plan })).rejects.toThrow(/damaged/);
    expect((await stitch(deps, younger.timestamp)).problems).toMatchObject([
      { code: 'documents-disagree', message: expect.stringContaining('does not name the key') },
    ]);
  });
});
