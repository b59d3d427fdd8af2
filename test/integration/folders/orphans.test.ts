import { readdir, utimes, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { Deps } from '../../../functions/deps.ts';
import { sweep } from '../../../functions/sweep/sweep.ts';
import { reserveTempFile } from '../../../storage/directory/temp.ts';
import type { ObjectStore, PendingUpload } from '../../../storage/store.ts';
import { fileOf, freshDeps, later } from '../functions/place.ts';
import { storeAll, storeObjects } from '../functions/sets.ts';

const HOUR = 3600_000;
const RESTORE = '20260201010203000-0a1b2c3d';
const TASK = '20260201010203000-20260131010203-verify';

/** The unfinished file of a killed writer; its name has the time of a clock that is hours ahead. */
async function leave({ store }: Deps, key: string): Promise<void> {
  const ahead = new Date(Date.now() + 5 * HOUR);
  const { path } = await reserveTempFile(fileURLToPath(store.url), key, ahead);
  await writeFile(path, 'half');
}

const leftIn = async ({ store }: Deps) =>
  (await readdir(fileOf(store, '.tmp'))).filter((name) => name !== 'foreign');

describe('unfinished files of killed writers in a directory', () => {
  it.each([
    formatKey({ kind: 'order', restore: RESTORE, phase: 'data', content: 0 }),
    formatKey({ kind: 'task-plan', task: TASK }),
    `.probe/0a1b/${'uploaded'.repeat(30)}`,
    formatKey({ kind: 'plan', timestamp: '20260131010203' }),
  ])('are removed an hour after their last byte, by the clock of the store: %s', async (key) => {
    const deps = await freshDeps();
    await leave(deps, key);
    await writeFile(fileOf(deps.store, '.tmp/foreign'), '');
    expect(await sweep(later(deps, HOUR / 2))).toMatchObject({ uploadsAborted: 0, problems: [] });
    expect(await leftIn(deps)).toHaveLength(1);
    expect(await sweep(later(deps, HOUR + 60_000))).toMatchObject({ uploadsAborted: 1 });
    expect(await leftIn(deps)).toEqual([]);
  });

  it('are kept while bytes arrive, however long ago they were begun', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, [set.plan]);
    const long = new Date(Date.now() - 30 * HOUR);
    const root = fileURLToPath(deps.store.url);
    const { timestamp } = set;
    const shipment = { content: 0, attempt: 7, worker: 7, sequence: 7 };
    const { path } = await reserveTempFile(
      root,
      formatKey({ kind: 'pack', timestamp, ...shipment }),
      long,
    );
    await writeFile(path, 'half');
    expect(await sweep(deps, { overdueAfterSeconds: 0 })).toMatchObject({ uploadsAborted: 0 });
    await utimes(path, long, long);
    const quiet = await sweep(later(deps, 2000), { overdueAfterSeconds: 1 });
    expect(quiet).toMatchObject({ uploadsAborted: 1 });
  });
});

describe('an upload to a bucket of which no writer knows the id', () => {
  /** A bucket with one upload that was begun two days ago. */
  async function bucket(lastPartMs: number): Promise<{ deps: Deps; aborted: string[] }> {
    const deps = await freshDeps();
    const aborted: string[] = [];
    const shipment = { content: 0, attempt: 1, worker: 1, sequence: 1 };
    const key = formatKey({ kind: 'pack', timestamp: '20260131010203', ...shipment });
    const upload: PendingUpload = {
      key,
      uploadId: 'unknown',
      startedAt: new Date(Date.now() - 48 * HOUR),
    };
    const store: ObjectStore = {
      ...deps.store,
      kind: 's3',
      async *pendingUploads(prefix) {
        if (key.startsWith(prefix)) yield upload;
      },
      lastWrittenAt: async () => new Date(Date.now() + lastPartMs),
      abortUpload: async ({ uploadId }) => void aborted.push(uploadId),
    };
    return { deps: { ...deps, store }, aborted };
  }

  it('is aborted when neither the set nor the upload got anything for an hour, though the set has no plan', async () => {
    const { deps, aborted } = await bucket(-48 * HOUR);
    expect(await sweep(deps)).toMatchObject({ uploadsAborted: 1, problems: [] });
    expect(aborted).toEqual(['unknown']);
  });

  it('is kept when a part of it was stored in the last hour: a slow backup is alive', async () => {
    const { deps, aborted } = await bucket(-HOUR / 2);
    expect(await sweep(deps)).toMatchObject({ uploadsAborted: 0, problems: [] });
    expect(aborted).toEqual([]);
  });
});
