import { open, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { boundedProblems } from '../../../backup-set/base/verdict.ts';
import { verifySet } from '../../../functions/check/verify-set.ts';
import type { Deps } from '../../../functions/deps.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { validate } from '../../../functions/handlers/validate.ts';
import { describeSet } from '../../../functions/sets/status.ts';
import { writeVerdict } from '../../../functions/stored/write-verdict.ts';
import { sweep } from '../../../functions/sweep/sweep.ts';
import { bytesOf, fileOf, freshDeps, keysOf, verdictsOf } from './place.ts';
import { documentsOf, type SmallSet, storeAll, storeObjects } from './sets.ts';

async function committed(): Promise<{ deps: Deps; set: SmallSet }> {
  const deps = await freshDeps();
  const set = await storeObjects(deps.store);
  await storeAll(deps.store, documentsOf(set));
  await stitch(deps, set.timestamp);
  return { deps, set };
}

const packOf = ({ timestamp }: SmallSet, content: number, sequence: number) =>
  formatKey({ kind: 'pack', timestamp, content, attempt: 1, worker: 1, sequence });

/** Flips one bit and keeps size and times, as a bad disk does. */
async function flip({ store }: Deps, key: string, offset: number): Promise<void> {
  const file = await open(fileOf(store, key), 'r+');
  try {
    const { atimeMs, mtimeMs } = await file.stat();
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, offset);
    await file.write(Buffer.from([(buffer[0] ?? 0) ^ 0x01]), 0, 1, offset);
    await file.utimes(atimeMs / 1000, mtimeMs / 1000);
  } finally {
    await file.close();
  }
}

describe('validate', () => {
  it('writes a verdict that an undamaged set is complete', async () => {
    const { deps, set } = await committed();
    const { verdict, wrote } = await validate(deps, set.timestamp);
    expect(verdict).toMatchObject({ level: 'validate', status: 'complete', problems: [] });
    expect(verdict.checked.objects).toBe(12);
    expect(await keysOf(deps.store)).toEqual(expect.arrayContaining([...wrote]));
    expect(await verdictsOf(deps.store)).toEqual([verdict]);
  });

  it('names a deleted pack with its content and relations', async () => {
    const { deps, set } = await committed();
    await deps.store.delete([packOf(set, 1, 2), packOf(set, 2, 1)]);
    const { verdict } = await validate(deps, set.timestamp);
    expect(verdict.status).toBe('damaged');
    expect(verdict.problems).toMatchObject([
      {
        code: 'object-missing',
        content: 1,
        object: packOf(set, 1, 2),
        relation: { name: 'place' },
      },
      { code: 'object-missing', content: 2, object: packOf(set, 2, 1) },
    ]);
    expect(verdict.problems[1]?.message).toContain('public.place, Odd "one".a.b');
  });

  it.each([0, 2, 5])('names a deleted receipt of a committed set (number %i)', async (index) => {
    const { deps, set } = await committed();
    const lost = set.receipts[index]?.key ?? '';
    await deps.store.delete([lost]);
    const { verdict } = await validate(deps, set.timestamp);
    expect(verdict.status).toBe('damaged');
    expect(verdict.problems[0]).toMatchObject({ code: 'receipt-missing', object: lost });
  });

  it.each(['plan', 'seal'] as const)('names a deleted %s, and an altered one', async (kind) => {
    const { deps, set } = await committed();
    await writeFile(fileOf(deps.store, set[kind].key), '{}\n');
    const altered = await validate(deps, set.timestamp);
    expect(altered.verdict.problems).toMatchObject([
      { code: 'documents-disagree', object: set[kind].key },
    ]);
    await rm(fileOf(deps.store, set[kind].key));
    const deleted = await validate(deps, set.timestamp);
    expect(deleted.verdict.problems).toMatchObject([
      { code: 'object-missing', object: set[kind].key },
    ]);
  });

  it('names an altered manifest', async () => {
    const { deps, set } = await committed();
    const key = formatKey({ kind: 'manifest', timestamp: set.timestamp });
    const bytes = Buffer.from(await deps.store.read(key, { bytesMax: 1e6 })).toString();
    await writeFile(fileOf(deps.store, key), bytes.replace('"rows":807', '"rows":808'));
    expect((await validate(deps, set.timestamp)).verdict.problems).toMatchObject([
      { code: 'documents-disagree', object: key },
    ]);
    await writeFile(fileOf(deps.store, key), bytes.slice(0, 1000));
    expect((await validate(deps, set.timestamp)).verdict.problems).toMatchObject([
      { code: 'document-unreadable', object: key },
    ]);
  });

  it.each(['manifest-part', 'seal-part'] as const)(
    'names an altered %s, one of another set, and a deleted one',
    async (kind) => {
      const { deps, set } = await committed();
      const { timestamp } = set;
      const [key, other] = [1, 2].map((content) => formatKey({ kind, timestamp, content }));
      const sound = await bytesOf(deps.store, key ?? '');
      const problemsWith = async (bytes: Uint8Array) => {
        await writeFile(fileOf(deps.store, key ?? ''), bytes);
        return (await validate(deps, timestamp)).verdict;
      };
      const disagrees = { code: 'documents-disagree', content: 1, object: key };
      const altered = Buffer.from(
        Buffer.from(sound).toString().replace('"rows":800', '"rows":801'),
      );
      expect(Buffer.compare(altered, sound)).not.toBe(0);
      expect(await problemsWith(altered)).toMatchObject({
        status: 'damaged',
        problems: [disagrees],
      });
      const foreign = await bytesOf(deps.store, other ?? '');
      expect(await problemsWith(foreign)).toMatchObject({
        status: 'damaged',
        problems: [disagrees],
      });
      await rm(fileOf(deps.store, key ?? ''));
      const { verdict } = await validate(deps, timestamp);
      expect(verdict).toMatchObject({ status: 'damaged', problems: [{ content: 1, object: key }] });
      expect(await problemsWith(sound)).toMatchObject({ status: 'complete' });
    },
  );

  it('names a missing pack also when its part of the manifest is missing too', async () => {
    const { deps, set } = await committed();
    await deps.store.delete([packOf(set, 1, 2)]);
    await rm(
      fileOf(
        deps.store,
        formatKey({ kind: 'manifest-part', timestamp: set.timestamp, content: 1 }),
      ),
    );
    const { verdict } = await validate(deps, set.timestamp);
    expect(verdict.problems.map(({ code, object }) => [code, object])).toContainEqual([
      'object-missing',
      packOf(set, 1, 2),
    ]);
    expect(verdict.problemsTotal).toBe(2);
  });

  it('names a pack that was truncated or replaced', async () => {
    const { deps, set } = await committed();
    await truncate(fileOf(deps.store, packOf(set, 0, 1)), 10);
    await flip(deps, packOf(set, 0, 2), 20);
    await utimes(fileOf(deps.store, packOf(set, 0, 2)), 1, 1);
    expect((await validate(deps, set.timestamp)).verdict.problems).toMatchObject([
      { code: 'size-differs', object: packOf(set, 0, 1) },
      { code: 'etag-differs', object: packOf(set, 0, 2) },
    ]);
  });

  it('compares only sizes for a copy under another root, as its ETags differ', async () => {
    const { deps, set } = await committed();
    const elsewhere = await freshDeps();
    for (const key of await keysOf(deps.store)) await elsewhere.store.copyFrom(deps.store, key);
    expect((await validate(elsewhere, set.timestamp)).verdict).toMatchObject({
      status: 'complete',
    });
    await truncate(fileOf(elsewhere.store, packOf(set, 0, 1)), 10);
    expect((await validate(elsewhere, set.timestamp)).verdict.problems).toMatchObject([
      { code: 'size-differs', object: packOf(set, 0, 1) },
    ]);
  });

  it('returns a verdict on a set that was not committed, but does not write it', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, [set.plan]);
    const { verdict, wrote } = await validate(deps, set.timestamp);
    expect(verdict).toMatchObject({
      status: 'incomplete',
      problems: [{ content: 0 }, { content: 1 }, { content: 2 }],
    });
    expect(wrote).toEqual([]);
    await expect(validate(deps, '20260201000000')).rejects.toMatchObject({ code: 'set/not-found' });
  });
});

describe('verify', () => {
  it('reads every byte of an undamaged set', async () => {
    const { deps, set } = await committed();
    const progress: number[] = [];
    const { verdict } = await verifySet(deps, set.timestamp, {
      onProgress: ({ bytes, bytesTotal }) => progress.push(bytes / bytesTotal),
    });
    expect(verdict).toMatchObject({
      level: 'verify',
      status: 'complete',
      checked: { objects: 12 },
    });
    expect(progress.at(-1)).toBe(1);
  });

  it('names content, relation, object and offset of a flipped byte', async () => {
    const { deps, set } = await committed();
    const key = packOf(set, 1, 1);
    await flip(deps, key, ((await deps.store.head(key))?.bytes ?? 0) - 6);
    const { verdict } = await verifySet(deps, set.timestamp);
    const found = verdict.problems.filter(({ code }) => code === 'digest-differs');
    expect(found).toMatchObject([
      { content: 1, object: key, relation: { schema: 'Odd "one"', name: 'a.b' } },
    ]);
    expect(found[0]?.offset).toBeGreaterThan(0);
    expect(verdict.status).toBe('damaged');
  });

  it('names a flipped byte of metadata', async () => {
    const { deps, set } = await committed();
    const { timestamp } = set;
    const key = formatKey({
      kind: 'metadata',
      timestamp,
      content: 2,
      attempt: 1,
      file: 'schema.dump',
    });
    await flip(deps, key, 3);
    const { verdict } = await verifySet(deps, set.timestamp);
    expect(verdict.problems).toContainEqual(
      expect.objectContaining({ code: 'digest-differs', content: 2, object: key }),
    );
  });

  it('names every frame of a truncated pack, and a missing pack once', async () => {
    const { deps, set } = await committed();
    await truncate(fileOf(deps.store, packOf(set, 0, 1)), 20);
    await deps.store.delete([packOf(set, 2, 2)]);
    const { problems } = (await verifySet(deps, set.timestamp)).verdict;
    const of = (object: string) =>
      problems.filter((problem) => problem.object === object).map(({ code }) => code);
    expect(of(packOf(set, 0, 1))).toEqual(['size-differs', 'frame-unreadable', 'frame-unreadable']);
    expect(of(packOf(set, 2, 2))).toEqual(['object-missing']);
  });

  it('reports an object that was deleted while it was reading', async () => {
    const { deps, set } = await committed();
    const part = formatKey({ kind: 'manifest-part', timestamp: set.timestamp, content: 2 });
    let gone: Promise<void> | undefined;
    const read: Deps['store']['read'] = async (key, options) => {
      await gone;
      return deps.store.read(key, options);
    };
    const { verdict } = await verifySet(
      { ...deps, store: { ...deps.store, read } },
      set.timestamp,
      {
        concurrency: 1,
        onProgress: () => {
          gone ??= deps.store.delete([part]);
        },
      },
    );
    expect(verdict).toMatchObject({ status: 'damaged', problemsTotal: 1 });
    expect(verdict.problems).toMatchObject([{ code: 'object-missing', content: 2, object: part }]);
  });

  it('decides the status after it found flipped bits, whatever a later validation finds', async () => {
    const { deps, set } = await committed();
    const problem = {
      code: 'digest-differs' as const,
      message: 'flipped',
      object: packOf(set, 1, 1),
    };
    const found = {
      status: 'damaged' as const,
      checked: { objects: 12, bytes: 1 },
      ...boundedProblems([problem]),
    };
    await writeVerdict(deps, set.timestamp, 'verify', found);
    expect((await validate(deps, set.timestamp)).verdict.status).toBe('complete');
    expect((await sweep(deps)).statuses).toMatchObject({ complete: 0, damaged: 1 });
    expect(await describeSet(deps, set.timestamp)).toMatchObject({ status: 'damaged' });
    await verifySet(deps, set.timestamp);
    expect((await sweep(deps)).statuses).toMatchObject({ complete: 1, damaged: 0 });
    expect(await describeSet(deps, set.timestamp)).toMatchObject({ status: 'complete' });
  });

  it('refuses a set without a manifest', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, [set.plan]);
    await expect(verifySet(deps, set.timestamp)).rejects.toMatchObject({ code: 'set/incomplete' });
  });
});
