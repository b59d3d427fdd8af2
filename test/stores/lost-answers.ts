import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { ObjectStore } from '../../storage/store.ts';
import { collect, reusing, sha256, someBytes, text } from '../contract/bytes.ts';
import { PART_BYTES } from '../contract/subjects.ts';
import type { SeenRequest } from '../support/servers/faulty-proxy.ts';
import type { Hostile } from './running.ts';

const isPut = ({ method, url }: SeenRequest) => method === 'PUT' && !url.includes('uploadId=');
const isPart = ({ url }: SeenRequest) => url.includes('partNumber=2');
const isCompletion = ({ method, url }: SeenRequest) =>
  method === 'POST' && url.includes('uploadId=');

/** Each answer is lost once. A shipper writes keys that only its run can name. */
export function lostAnswers(
  who: string,
  { owner, proxy }: Hostile,
  writer: () => ObjectStore,
): void {
  test(`a part and a completion whose answers are lost are sent again by ${who}`, async () => {
    const content = someBytes(3 * PART_BYTES);
    proxy().injectFault({ kind: 'drop-response' }, { when: isPart });
    proxy().injectFault({ kind: 'drop-response' }, { when: isCompletion });
    const source = reusing(content, 1_000_000);
    const made = await writer().upload(`lost-${randomUUID()}`, source, { ownKey: true });
    expect(sha256(await collect(owner().get(made.key)))).toBe(sha256(content));
    expect((await owner().head(made.key))?.etag).toBe(made.etag);
  });

  test(`a create whose answer is lost succeeds, written by ${who}`, async () => {
    const key = `lost-${randomUUID()}`;
    proxy().injectFault({ kind: 'drop-response' }, { when: isPut });
    await writer().create(key, text('mine'), { ownKey: true });
    expect(await collect(owner().get(key))).toEqual(text('mine'));
  });
}

/** The rights of a shipper. */
export function writeOnly({ owner, shipper }: Hostile): void {
  test('creates and uploads, and gets the etags without the right to read', async () => {
    const small = await shipper().create(`small-${randomUUID()}`, text('{}'));
    const content = someBytes(3 * PART_BYTES);
    const big = await shipper().upload(`big-${randomUUID()}`, reusing(content, 1_000_000));
    for (const { key, bytes, etag } of [small, big])
      expect(await owner().head(key)).toMatchObject({ bytes, etag });
  });

  test('cannot read, list, delete or replace an object', async () => {
    const { key } = await shipper().create(`own-${randomUUID()}`, text('{}'));
    const denied = { code: 'storage/denied' };
    await expect(collect(shipper().get(key))).rejects.toMatchObject(denied);
    await expect(Array.fromAsync(shipper().list(''))).rejects.toMatchObject(denied);
    await expect(shipper().delete([key])).rejects.toMatchObject(denied);
    await expect(shipper().create(key, text('forged'))).rejects.toMatchObject({
      code: 'storage/exists',
    });
    expect(await collect(owner().get(key))).toEqual(text('{}'));
  });
}
