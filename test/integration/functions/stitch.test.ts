import { rm, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { DOCUMENT_BYTES_MAX, decode, encode } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { Seal } from '../../../backup-set/documents/seal.ts';
import type { Deps } from '../../../functions/deps.ts';
import { inProcess } from '../../../functions/events/in-process.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { foldStored } from '../../../functions/stored/fold.ts';
import { createSame } from '../../../functions/stored/save.ts';
import { sweep } from '../../../functions/sweep/sweep.ts';
import { handle } from '../../support/handle.ts';
import { bytesOf, fileOf, freshDeps, keysOf, verdictsOf } from './place.ts';
import { documentsOf, type SmallSet, type Stored, storeAll, storeObjects } from './sets.ts';

const manifestOf = (set: SmallSet) => formatKey({ kind: 'manifest', timestamp: set.timestamp });

/** A pseudo-random order that is the same in every run. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  return items
    .map((item, index) => ({ item, order: Math.sin(seed * 1000 + index * 37) }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}

describe('stitch (promise 4: events are hints)', () => {
  const ways: Record<string, (documents: readonly Stored[]) => string[]> = {
    'in order': (documents) => documents.map(({ key }) => key),
    reordered: (documents) => shuffled(documents, 7).map(({ key }) => key),
    'three times each': (documents) =>
      shuffled([...documents, ...documents, ...documents], 3).map(({ key }) => key),
    'for one receipt only': (documents) => documents.slice(2, 3).map(({ key }) => key),
    'never, and a sweep runs': () => [],
    'with foreign keys': (documents) => [
      'sets/../../etc/passwd',
      'sets/20260131/20260131010203/receipts/x',
      ...documents.map(({ key }) => key),
    ],
  };

  it.each(Object.entries(ways))(
    'gives the same manifest when the events come %s',
    async (_, announced) => {
      const deps = await freshDeps();
      const set = await storeObjects(deps.store);
      await storeAll(deps.store, documentsOf(set));
      const functions = inProcess(deps);
      for (const key of announced(documentsOf(set))) await functions.announce(key);
      await functions.idle();
      await sweep(deps);
      const bytes = await bytesOf(deps.store, manifestOf(set));
      const manifest = decode(Manifest, { key: '', bytes });
      expect(manifest.totals).toMatchObject({
        contents: 3,
        relations: 3,
        rows: 3 * 807,
        objects: 12,
        extents: 9,
      });
      const { bytes: expected } = await refolded(set, deps);
      expect(Buffer.compare(bytes, expected)).toBe(0);
      const verdicts = await verdictsOf(deps.store);
      expect(verdicts.map(({ level, status }) => `${level} ${status}`)).toContain(
        'validate complete',
      );
    },
  );

  it('decides nothing before the seal, when each document is followed by its event', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    for (const document of documentsOf(set)) {
      expect(await keysOf(deps.store)).not.toContain(manifestOf(set));
      await storeAll(deps.store, [document]);
      await handle(deps, document.key);
    }
    expect(await keysOf(deps.store)).toContain(manifestOf(set));
    expect(await verdictsOf(deps.store)).toEqual([]);
  });

  it('continues after a crash that left some manifest parts, and writes the same', async () => {
    const [deps, other] = [await freshDeps(), await freshDeps()];
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, documentsOf(set));
    for (const key of await keysOf(deps.store)) await other.store.copyFrom(deps.store, key);
    const partOf = (content: number) =>
      formatKey({ kind: 'manifest-part', timestamp: set.timestamp, content });
    expect(await stitch(other, set.timestamp)).toMatchObject({ status: 'complete' });
    await deps.store.create(partOf(1), await bytesOf(other.store, partOf(1)));
    expect(await stitch(deps, set.timestamp)).toMatchObject({ status: 'complete' });
    for (const key of [manifestOf(set), ...set.contents.map(partOf)])
      expect(await bytesOf(deps.store, key)).toEqual(await bytesOf(other.store, key));
  });

  it('commits nothing when a stored manifest part differs from what the documents give', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, documentsOf(set));
    const part = formatKey({ kind: 'manifest-part', timestamp: set.timestamp, content: 1 });
    await deps.store.create(part, Buffer.from('{}\n'));
    await expect(stitch(deps, set.timestamp)).rejects.toMatchObject({ code: 'set/damaged' });
    expect(await keysOf(deps.store)).not.toContain(manifestOf(set));
  });

  it('gives one manifest for any number of concurrent stitches', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, documentsOf(set));
    const results = await Promise.all(
      Array.from({ length: 16 }, () => stitch(deps, set.timestamp)),
    );
    expect(results.every(({ status }) => status === 'complete')).toBe(true);
    expect(results.flatMap(({ wrote }) => wrote)).toEqual([manifestOf(set)]);
  });
});

describe('stitch (promise 2: a receipt is a claim)', () => {
  it.each([0, 2, 3, 7])(
    'names a deleted receipt (number %i) and commits nothing',
    async (index) => {
      const deps = await freshDeps();
      const set = await storeObjects(deps.store);
      const lost = set.receipts[index];
      await storeAll(
        deps.store,
        documentsOf(set).filter((document) => document !== lost),
      );
      const { status } = await stitch(deps, set.timestamp);
      expect(status).toBe('incomplete');
      expect(await keysOf(deps.store)).not.toContain(manifestOf(set));
      const [verdict, ...others] = await verdictsOf(deps.store);
      expect(others).toEqual([]);
      expect(verdict).toMatchObject({ level: 'stitch', status: 'incomplete' });
      const named = verdict?.problems.find(({ code }) => code === 'receipt-missing');
      expect(named).toMatchObject({ object: lost?.key, content: Math.floor(index / 4) });
    },
  );

  it('names a missing part of the seal, and commits nothing', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    const lost = set.sealParts[1];
    await storeAll(
      deps.store,
      documentsOf(set).filter((document) => document !== lost),
    );
    const { status, problems } = await stitch(deps, set.timestamp);
    expect(status).toBe('incomplete');
    expect(problems).toMatchObject([{ code: 'content-missing', content: 1, object: lost?.key }]);
    expect(await keysOf(deps.store)).not.toContain(manifestOf(set));
    await storeAll(deps.store, lost === undefined ? [] : [lost]);
    expect(await stitch(deps, set.timestamp)).toMatchObject({ status: 'complete' });
  });

  it('calls a set with an altered receipt damaged', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, documentsOf(set));
    const [first] = set.receipts;
    await writeFile(fileOf(deps.store, first?.key ?? ''), '{"format":"stowage/receipt"}\n');
    const { status, problems } = await stitch(deps, set.timestamp);
    expect(status).toBe('damaged');
    expect(problems.find(({ code }) => code === 'receipt-altered')).toMatchObject({
      object: first?.key,
    });
  });

  it('writes a verdict only when it differs from the previous one', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    const [lost, altered] = set.receipts;
    await storeAll(
      deps.store,
      documentsOf(set).filter((document) => document !== lost),
    );
    for (let again = 0; again < 3; again += 1) await stitch(deps, set.timestamp);
    expect(await verdictsOf(deps.store)).toHaveLength(1);
    await rm(fileOf(deps.store, altered?.key ?? ''));
    await stitch(deps, set.timestamp);
    expect(await verdictsOf(deps.store)).toHaveLength(2);
  });

  it('reports the failure of a segment that the seal names', async () => {
    const deps = await freshDeps();
    const failure = {
      content: 1,
      code: 'shipper/died',
      message: 'the shipper on host-1 ended early',
    };
    const set = await storeObjects(deps.store, { failures: [failure] });
    await storeAll(deps.store, documentsOf(set));
    await stitch(deps, set.timestamp);
    const [verdict] = await verdictsOf(deps.store);
    expect(verdict?.problems).toContainEqual(
      expect.objectContaining({ code: 'segment-failed', content: 1 }),
    );
  });

  it('throws when another manifest exists, and names size and digest of both', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, documentsOf(set));
    await deps.store.create(manifestOf(set), Buffer.from('{}\n'));
    const { bytes } = await refolded(set, deps);
    await expect(createSame(deps, manifestOf(set), bytes)).rejects.toThrow(
      /manifest\.json exists with other bytes \(3 bytes, SHA-256 [0-9a-f]{64}\).*SHA-256 [0-9a-f]{64}/,
    );
  });

  it('reports a receipt that is too large, and does not fail', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, documentsOf(set));
    const shipment = { timestamp: set.timestamp, content: 0, attempt: 9, worker: 9, sequence: 9 };
    await deps.store.create(
      formatKey({ kind: 'receipt', ...shipment }),
      Buffer.alloc(17 * 1024 * 1024),
    );
    expect(await stitch(deps, set.timestamp)).toMatchObject({ status: 'complete' });
  });
});

/** The bytes of the manifest that the fold gives from the stored documents. */
async function refolded(set: SmallSet, deps: Deps) {
  const folded = await foldStored(deps, set.timestamp);
  if (folded.status !== 'complete') throw new Error(`the set is ${folded.status}`);
  return folded;
}

describe('a forged seal', () => {
  it('does not make a function read a part that is larger than any document', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    const seal = decode(Seal, set.seal);
    const contents = seal.contents.map(({ content, part }) => ({
      content,
      part: { ...part, bytes: Number.MAX_SAFE_INTEGER },
    }));
    const bytes = encode(Seal, { ...seal, contents });
    await storeAll(deps.store, [...documentsOf(set).slice(0, -1), { ...set.seal, bytes }]);
    const limits: number[] = [];
    const read: Deps['store']['read'] = (key, options) => {
      limits.push(options.bytesMax);
      return deps.store.read(key, options);
    };
    await stitch({ ...deps, store: { ...deps.store, read } }, set.timestamp);
    expect(Math.max(...limits)).toBe(DOCUMENT_BYTES_MAX);
  });
});
