import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../storage/store.ts';
import { text } from '../contract/bytes.ts';
import { PART_BYTES } from '../contract/subjects.ts';
import { type FaultyProxy, startFaultyProxy } from '../support/servers/faulty-proxy.ts';
import { clientOf, createBucket, type Keys, openAs } from '../support/stores/store-server.ts';
import { lostAnswers, writeOnly } from './lost-answers.ts';
import type { Hostile, Running } from './running.ts';

const BUCKET = 'shipper-hostile';

/** What went wrong on real servers (issue 13 A), on each server of the matrix. */
export function hostile({ definition, server }: Running): void {
  describe('hostile cases', () => {
    let proxy: FaultyProxy;
    let owner: ObjectStore;
    let shipper: ObjectStore;
    const open = (keys: Keys) =>
      openAs(keys, `s3://${BUCKET}/shop`, { endpoint: proxy.endpoint, partBytes: PART_BYTES });
    const at: Hostile = { owner: () => owner, shipper: () => shipper, proxy: () => proxy };

    beforeAll(async () => {
      proxy = await startFaultyProxy(server().endpoint);
      const client = clientOf(server().endpoint, server().keys);
      await createBucket(client, BUCKET);
      client.destroy();
      owner = await open(server().keys);
      if (definition.hasWriteOnlyUsers) shipper = await open(await server().writeOnlyKeys(BUCKET));
    });
    afterAll(async () => {
      await Promise.all([owner?.close(), shipper?.close()]);
      await proxy?.stop();
    });
    beforeEach(() => proxy.reset());

    lostAnswers('the owner of the bucket', at, () => owner);
    describe.runIf(definition.hasWriteOnlyUsers)('a user that can only create objects', () => {
      writeOnly(at);
      lostAnswers('that user', at, () => shipper);
    });

    test('of keys of which some are absent, those that exist are deleted', async () => {
      const keys = Array.from({ length: 30 }, (_, index) => `deleted/${index}/x y+z&ü.json`);
      for (const key of keys.slice(10)) await owner.create(key, text(''));
      await owner.delete(keys);
      expect(await Array.fromAsync(owner.list('deleted/'))).toEqual([]);
    });

    test('an absent bucket is named, and the server is asked once', async () => {
      const bucket = `absent-${randomUUID()}`;
      const store = await openAs(server().keys, `s3://${bucket}/x`, { endpoint: proxy.endpoint });
      proxy.reset();
      const named = {
        code: 'storage/not-found',
        message: expect.stringContaining(`bucket ${bucket} does not exist`) as string,
      };
      await expect(store.create('x', text(''))).rejects.toMatchObject(named);
      await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject(named);
      expect(proxy.seen).toHaveLength(2);
      await store.close();
    });

    test.runIf(definition.checksKeys)(
      'a wrong secret and an unknown user are storage/denied, and no message has the secret',
      async () => {
        const secretAccessKey = 'not-the-secret-of-any-user-here';
        for (const accessKeyId of [server().keys.accessKeyId, 'AKIAUNKNOWN000000000']) {
          const store = await open({ accessKeyId, secretAccessKey });
          const error: unknown = await store.create('x', text('')).catch((e: unknown) => e);
          expect(error).toMatchObject({ code: 'storage/denied' });
          expect(String(error)).not.toContain(secretAccessKey);
          await store.close();
        }
      },
    );
  });
}
