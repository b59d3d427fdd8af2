import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StowageError } from '../../backup-set/base/errors.ts';
import { probeStore } from '../../storage/probe.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { cephSubject, directorySubject, PART_BYTES } from './subjects.ts';

const directory = directorySubject();
const ceph = cephSubject();

beforeAll(async () => {
  await directory.start();
  await ceph.start();
});
afterAll(async () => {
  await ceph.stop();
  await directory.stop();
});

test.each([directory, ceph])(
  'a correct store ($name) passes every check of the probe and is left unchanged',
  async (subject) => {
    const store = await subject.open();
    const report = await probeStore(store, { partBytes: PART_BYTES });
    expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.checks.length).toBeGreaterThanOrEqual(8);
    expect(await Array.fromAsync(store.list(''))).toEqual([]);
    expect(await Array.fromAsync(store.pendingUploads(''))).toEqual([]);
  },
);

describe('the probe detects a store', () => {
  const failed = async (change: (store: ObjectStore) => Partial<ObjectStore>) => {
    const store = await directory.open();
    const report = await probeStore({ ...store, ...change(store) }, { partBytes: PART_BYTES });
    expect(await Array.fromAsync(store.list(''))).toEqual([]);
    return report.checks.filter(({ ok }) => !ok).map(({ name }) => name);
  };

  test('that checks a key and then writes it', async () => {
    const isChecked = (store: ObjectStore): Partial<ObjectStore> => ({
      async create(key, body, options) {
        if ((await store.head(key)) !== undefined) return store.create(key, body, options);
        await new Promise((resolve) => setTimeout(resolve, 20));
        await store.delete([key]);
        return store
          .create(key, body)
          .catch(() => ({ key, bytes: body.length, modifiedAt: new Date() }));
      },
    });
    expect(await failed(isChecked)).toEqual(['32 concurrent creates']);
  });

  test('that overwrites objects', async () => {
    const overwrites = (store: ObjectStore): Partial<ObjectStore> => ({
      async create(key, body, options) {
        await store.delete([key]);
        return store.create(key, body, options);
      },
    });
    expect(await failed(overwrites)).toContain('conditional create');
  });

  test('that ignores ranges, or whose listing is late', async () => {
    expect(
      await failed((store) => ({
        get: (key, { offset: _, ...rest } = {}) => store.get(key, rest),
      })),
    ).toEqual(['ranged read']);
    const late = async function* () {};
    let calls = 0;
    const lists = (store: ObjectStore): Partial<ObjectStore> => ({
      list: (prefix) => (calls++ === 0 ? late() : store.list(prefix)),
    });
    expect(await failed(lists)).toEqual(['list']);
  });

  test('that does not allow or does not answer the first request, and makes no further check', async () => {
    for (const code of ['storage/denied', 'storage/unavailable'] as const) {
      const store = await directory.open();
      const fails = () => Promise.reject(new StowageError(code, 'the cause'));
      const { checks } = await probeStore({ ...store, create: fails }, { partBytes: PART_BYTES });
      const [first, ...others] = checks;
      expect(first).toEqual({ name: 'conditional create', ok: false, detail: 'the cause' });
      expect(others.length).toBe(7);
      for (const check of others)
        expect(check).toMatchObject({
          ok: false,
          skipped: true,
          detail: 'not checked, because conditional create failed',
        });
    }
  });

  test('whose uploads fail, and does not read what was not uploaded', async () => {
    const store = await directory.open();
    const upload = () => Promise.reject(new StowageError('storage/denied', 'no parts'));
    const { checks } = await probeStore({ ...store, upload }, { partBytes: PART_BYTES });
    const bad = checks.filter(({ ok }) => !ok);
    expect(bad.map(({ name, skipped }) => [name, skipped === true])).toEqual([
      ['multipart upload', false],
      ['ranged read', true],
      ['list', true],
    ]);
  });

  test('whose clock is one hour off', async () => {
    const hour = 3_600_000;
    const skewed = (store: ObjectStore): Partial<ObjectStore> => ({
      async head(key) {
        const found = await store.head(key);
        return found && { ...found, modifiedAt: new Date(found.modifiedAt.getTime() + hour) };
      },
    });
    expect(await failed(skewed)).toEqual(['clocks']);
  });
});
