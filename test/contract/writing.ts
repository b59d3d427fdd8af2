import { expect, test, vi } from 'vitest';
import type { ObjectStore } from '../../storage/store.ts';
import { collect, reusing, sha256, someBytes, text } from './bytes.ts';
import { PART_BYTES, type Subject } from './subjects.ts';

const exists: unknown = expect.objectContaining({ code: 'storage/exists' });

/** The promises of `create` and `upload`. */
export function writing(subject: Subject): void {
  test('an object is read back as it was created, and is never overwritten', async () => {
    const store = await subject.open();
    const made = await store.create('sets/a/plan.json', text('first'));
    await expect(store.create('sets/a/plan.json', text('second'))).rejects.toEqual(exists);
    await expect(store.create('sets/a/plan.json', text('first'))).rejects.toEqual(exists);
    await expect(store.upload('sets/a/plan.json', reusing(text('third'), 2))).rejects.toEqual(
      exists,
    );
    expect(await collect(store.get('sets/a/plan.json'))).toEqual(text('first'));
    expect(await store.head('sets/a/plan.json')).toMatchObject({
      key: made.key,
      bytes: 5,
      etag: made.etag,
    });
  });

  test('of 32 racing creates exactly one succeeds, and its bytes are the object', async () => {
    const store = await subject.open();
    const bodies = Array.from({ length: 32 }, (_, index) => text(`writer ${index}`));
    const outcomes = await Promise.allSettled(
      bodies.map((body) => store.create('manifest.json', body)),
    );
    const winners = outcomes.flatMap((outcome, index) =>
      outcome.status === 'fulfilled' ? [bodies[index]] : [],
    );
    expect(winners).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toEqual(exists);
    expect(await collect(store.get('manifest.json'))).toEqual(winners[0]);
    expect(await Array.fromAsync(store.pendingUploads(''))).toEqual([]);
  });

  test('an empty object can be created and uploaded', async () => {
    const store = await subject.open();
    await store.create('created', text(''));
    await store.upload('uploaded', reusing(text(''), 1));
    expect((await store.head('created'))?.bytes).toBe(0);
    expect((await store.head('uploaded'))?.bytes).toBe(0);
    expect(await collect(store.get('uploaded'))).toEqual(text(''));
  });

  test.each([1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES, 4 * PART_BYTES + 77])(
    'a stream of %i bytes is stored completely, whatever the size of its chunks',
    async (bytes) => {
      const store = await subject.open();
      const content = someBytes(bytes);
      const made = await store.upload('data/0/1-1-000001.pack', reusing(content, 700_001));
      expect(made.bytes).toBe(bytes);
      expect(sha256(await collect(store.get(made.key)))).toBe(sha256(content));
      const [listed] = await Array.fromAsync(store.list('data/'));
      const found = await store.head(made.key);
      for (const object of [listed, found])
        expect(object).toMatchObject({ key: made.key, bytes, etag: made.etag });
      // Headers have whole seconds, listings have milliseconds.
      expect(Math.abs(Number(listed?.modifiedAt) - Number(found?.modifiedAt))).toBeLessThan(1000);
      expect(made.etag).toMatch(/^[^"]+$/);
    },
  );

  test('an upload of several parts rejects an existing key on a server that supports it', async () => {
    const store = await subject.open();
    await store.create('x.pack', text('mine'));
    const second = store.upload('x.pack', reusing(someBytes(2 * PART_BYTES), 1_000_000));
    if (subject.rejectsLargeUploadOverExisting) await expect(second).rejects.toEqual(exists);
    else await second;
  });

  test('no object is visible before its stream has ended', async () => {
    const store = await subject.open();
    const seen: unknown[] = [];
    async function* source() {
      yield someBytes(PART_BYTES + 1);
      yield someBytes(PART_BYTES);
      seen.push(await store.head('x.pack'), await Array.fromAsync(store.list('')));
    }
    await store.upload('x.pack', source());
    expect(seen).toEqual([undefined, []]);
  });

  test.each([1, PART_BYTES - 1, 2 * PART_BYTES + 1])(
    'an upload whose source throws after %i bytes leaves nothing and throws the error of the source',
    async (bytes) => {
      const store = await subject.open();
      const lost = Object.assign(new Error('connection lost'), { code: 'ECONNRESET' });
      async function* source() {
        yield* reusing(someBytes(bytes), 1_000_000);
        throw lost;
      }
      await expect(store.upload('x.pack', source())).rejects.toBe(lost);
      await expectNothing(store);
    },
  );

  test.each([1, 2 * PART_BYTES + 1])(
    'a signal cancels an upload that waits for its source after %i bytes',
    async (bytes) => {
      const store = await subject.open();
      const stop = new AbortController();
      let sourceEnded = false;
      async function* source() {
        try {
          yield* reusing(someBytes(bytes), 1_000_000);
          setTimeout(() => stop.abort(), 10);
          await new Promise((resolve) => stop.signal.addEventListener('abort', resolve));
          yield text('too late');
        } finally {
          sourceEnded = true;
        }
      }
      const upload = store.upload('x.pack', source(), { signal: stop.signal });
      await expect(upload).rejects.toEqual(expect.objectContaining({ code: 'interrupted' }));
      await expectNothing(store);
      expect(sourceEnded).toBe(true);
    },
  );

  test('a signal cancels an upload whose source has stalled', async () => {
    const store = await subject.open();
    const stop = new AbortController();
    async function* source() {
      yield someBytes(PART_BYTES + 1);
      setTimeout(() => stop.abort(), 10);
      await new Promise(() => undefined);
    }
    const upload = store.upload('x.pack', source(), { signal: stop.signal });
    await expect(upload).rejects.toEqual(expect.objectContaining({ code: 'interrupted' }));
    await expectNothing(store);
  });

  test('a cancelled call throws the reason of its signal when that is a StowageError', async () => {
    const store = await subject.open();
    const stop = new AbortController();
    const reason = await store.read('absent', { bytesMax: 1 }).catch((error: unknown) => error);
    stop.abort(reason);
    await expect(store.create('x', text(''), { signal: stop.signal })).rejects.toBe(reason);
  });

  test('the time that it tells is that of its objects, not that of this host', async () => {
    const store = await subject.open();
    await store.create('x', text('1'));
    const stamped = (await store.head('x'))?.modifiedAt.getTime() ?? 0;
    // S3 servers refuse requests of a clock that is more than 15 minutes off.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10 * 60_000 });
    try {
      const told = await store.now();
      expect(Math.abs(told.getTime() - stamped)).toBeLessThan(60_000);
    } finally {
      vi.useRealTimers();
    }
  });

  test('a pending upload is listed with its key and can be aborted by another process', async () => {
    const store = await subject.open();
    const key = `data/0/${'k'.repeat(200)}/${'m'.repeat(200)}.pack`;
    const goOn = Promise.withResolvers<void>();
    const isWaiting = Promise.withResolvers<void>();
    async function* source() {
      yield someBytes(PART_BYTES + 1);
      isWaiting.resolve();
      await goOn.promise;
      yield someBytes(PART_BYTES);
    }
    // Attached now: a part that is in flight when the upload is aborted fails before the next one.
    const failure = store.upload(key, source()).then(
      () => undefined,
      (error: unknown) => error,
    );
    await isWaiting.promise;
    const listedBy = (prefix: string) => (subject.listsUploadsByKeyOnly === true ? key : prefix);
    await expect
      .poll(() => Array.fromAsync(store.pendingUploads(listedBy('data/'))), { timeout: 60_000 })
      .toHaveLength(1);
    expect(await Array.fromAsync(store.pendingUploads('data/1'))).toEqual([]);
    const [pending] = await Array.fromAsync(store.pendingUploads(listedBy('data/0/k')));
    if (pending === undefined) throw new Error('the upload is not listed');
    expect(pending.key).toBe(key);
    expect(Math.abs(Date.now() - pending.startedAt.getTime())).toBeLessThan(60_000);
    // A part of it was stored a moment ago, or will be.
    const last = (await store.lastWrittenAt(pending)).getTime();
    expect(last - pending.startedAt.getTime()).toBeGreaterThanOrEqual(-1000);
    await store.abortUpload(pending);
    await store.abortUpload(pending);
    goOn.resolve();
    const ended = await failure;
    if (subject.abortedUploadMayReturn === true && ended === undefined) return;
    expect(ended).toMatchObject({ code: 'storage/not-found' });
    await expectNothing(store);
  });
}

async function expectNothing(store: ObjectStore): Promise<void> {
  for (const prefix of ['', 'x.pack'])
    expect(await Array.fromAsync(store.pendingUploads(prefix))).toEqual([]);
  expect(await Array.fromAsync(store.list(''))).toEqual([]);
}
