import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SeenRequest } from '../../support/servers/faulty-proxy.ts';
import { type StrictS3, startStrictS3 } from '../../support/servers/strict-s3/strict-s3.ts';
import { reusing, someBytes, text } from '../bytes.ts';
import { PART_BYTES } from '../subjects.ts';
import { openAsAws, openStrict, READER, SHIPPER, useKeys } from './stores.ts';

// Answers that are lost after the server has carried out the request.
let strict: StrictS3;
beforeAll(async () => {
  strict = await startStrictS3();
});
afterAll(() => strict.stop());
beforeEach(() => {
  strict.reset();
  strict.rules.writeOnlyKeys = new Set([SHIPPER]);
  useKeys(SHIPPER);
});

const isPut = ({ method }: SeenRequest) => method === 'PUT';
const isCompletion = ({ method, url }: SeenRequest) =>
  method === 'POST' && url.includes('uploadId=');
const isWholeCopy = ({ url, headers }: SeenRequest) =>
  headers['x-amz-copy-source'] !== undefined && !url.includes('partNumber=');
const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex');
const large = someBytes(PART_BYTES + 1_000);
const upload = () => reusing(large, 1_000_000);
const own = { ownKey: true };

describe('the answer to a PUT is lost', () => {
  test('a writer without the right to read stores an object whose key only it can name', async () => {
    const store = await openStrict(strict);
    await store.create('before', text('1'), own);
    strict.loseAnswers({ when: isPut });
    const made = await store.create('x', text('mine'), own);
    expect(made).toMatchObject({ key: 'x', bytes: 4, etag: md5(text('mine')) });
    expect(strict.objects.get('strict/root/x')).toMatchObject({ body: text('mine') });
    expect(strict.seen.filter(isPut)).toHaveLength(3);
  });

  test('the object has no ETag when the ETags of this server are not known to be MD5s', async () => {
    const unknown = await openStrict(strict);
    strict.loseAnswers({ when: isPut });
    expect((await unknown.create('first', text('1'), own)).etag).toBeUndefined();
    strict.rules.etags = 'opaque';
    const encrypted = await openStrict(strict);
    await encrypted.create('before', text('1'), own);
    strict.loseAnswers({ when: isPut });
    expect((await encrypted.create('x', text('mine'), own)).etag).toBeUndefined();
    strict.loseAnswers({ when: isCompletion });
    strict.rules.completedAgain = 'NoSuchUpload';
    expect((await encrypted.upload('large', upload(), own)).etag).toBeUndefined();
  });

  test('a key that several writers can name is storage/exists for a writer that cannot read', async () => {
    const store = await openStrict(strict);
    strict.loseAnswers({ when: isPut });
    await expect(store.create('claim', text('mine'))).rejects.toMatchObject({
      code: 'storage/exists',
    });
  });

  test('a key that exists without a retry of ours is storage/exists', async () => {
    const store = await openStrict(strict);
    await store.create('x', text('1'), own);
    await expect(store.create('x', text('1'), own)).rejects.toMatchObject({
      code: 'storage/exists',
    });
  });

  test('a writer that can read never counts the object of another writer as its own', async () => {
    useKeys(READER);
    const store = await openStrict(strict);
    await store.create('x', text('same'));
    strict.loseAnswers({ when: isPut });
    await expect(store.create('x', text('same'), own)).rejects.toMatchObject({
      code: 'storage/exists',
    });
  });
});

describe('a PUT is refused with HTTP 409', () => {
  const conflict = (code: string) => ({ status: 409, body: `<Error><Code>${code}</Code></Error>` });

  test.each(['ConditionalRequestConflict', 'OperationAborted'])(
    'it is sent again after %s: another writer was writing the key',
    async (code) => {
      const store = await openStrict(strict);
      strict.refuse(conflict(code), { when: isPut });
      await store.create('x', text('1'), own);
      expect(strict.seen.filter(isPut)).toHaveLength(2);
    },
  );

  test('it is sent once when an object has the name of a folder of its key', async () => {
    const store = await openStrict(strict);
    strict.refuse(conflict('ObjectParentIsFile'), { when: isPut, times: 9 });
    await expect(store.create('a/b', text('1'), own)).rejects.toMatchObject({
      code: 'storage/exists',
      message: expect.stringContaining('ObjectParentIsFile') as string,
    });
    expect(strict.seen.filter(isPut)).toHaveLength(1);
  });
});

describe('the answer to a completion is lost', () => {
  test.each(['NoSuchUpload', 'done'] as const)(
    'a writer without the right to read stores its object when the retry is answered by %s',
    async (completedAgain) => {
      const store = await openStrict(strict);
      strict.rules.completedAgain = completedAgain;
      strict.loseAnswers({ when: isCompletion });
      const made = await store.upload('x', upload(), own);
      const stored = strict.objects.get('strict/root/x');
      expect(stored?.body.equals(large)).toBe(true);
      expect(made).toMatchObject({ bytes: large.length, etag: stored?.etag });
      expect(strict.seen.filter(isCompletion)).toHaveLength(2);
    },
  );

  test.each(['NoSuchUpload', 'PreconditionFailed'] as const)(
    'AWS: a writer stores its object, with the right to read and without, after %s',
    async (completedAgain) => {
      for (const keys of [SHIPPER, READER]) {
        useKeys(keys);
        strict.rules.completedAgain = completedAgain;
        strict.loseAnswers({ when: isCompletion });
        await using store = await openAsAws(strict);
        const made = await store.upload(keys, upload(), own);
        expect(made.etag).toBe(strict.objects.get(`strict/root/${keys}`)?.etag);
      }
    },
  );

  test('a writer that can read finds its object also where ETags are not MD5s', async () => {
    useKeys(READER);
    const store = await openStrict(strict);
    Object.assign(strict.rules, { completedAgain: 'NoSuchUpload', etags: 'opaque' });
    strict.loseAnswers({ when: isCompletion });
    const made = await store.upload('x', upload());
    expect(made.etag).toBe(strict.objects.get('strict/root/x')?.etag);
  });

  test.each([
    ['in one request', 100 * 1024 * 1024],
    ['in parts', PART_BYTES],
  ])('AWS: a copy %s succeeds when its answer is lost', async (_, copyPartBytes) => {
    useKeys(READER);
    strict.rules.completedAgain = 'NoSuchUpload';
    await using store = await openAsAws(strict, { copyPartBytes });
    await store.upload('source', upload());
    await using elsewhere = await openAsAws(strict, { copyPartBytes }, 'other');
    strict.loseAnswers({ when: (seen) => isCompletion(seen) || isWholeCopy(seen) });
    const made = await elsewhere.copyFrom(store, 'source');
    expect(made.bytes).toBe(large.length);
    expect(strict.objects.get('strict/other/source')?.body.equals(large)).toBe(true);
  });

  test('an upload that another program has aborted fails without a retry of ours', async () => {
    const store = await openStrict(strict);
    strict.refuse('NoSuchUpload', { when: isCompletion });
    await expect(store.upload('x', upload(), own)).rejects.toMatchObject({
      code: 'storage/not-found',
    });
  });
});

test.each([1, 2, 3])(
  'a failed upload of a writer that can only create is gone when %i aborts are needed',
  async (abortsNeeded) => {
    strict.rules.abortsNeeded = abortsNeeded;
    const store = await openStrict(strict);
    const source = async function* () {
      yield* upload();
      yield large;
      throw new Error('connection lost');
    };
    await expect(store.upload('x', source(), own)).rejects.toThrow('connection lost');
    expect(strict.uploads.size).toBe(0);
    expect(strict.seen.filter(({ method }) => method === 'DELETE')).toHaveLength(
      Math.min(abortsNeeded + 1, 3),
    );
  },
);
