import { randomUUID } from 'node:crypto';
import {
  DeleteObjectCommand,
  HeadObjectCommand,
  PutObjectLockConfigurationCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ObjectLock } from '../../storage/lock.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { createBucket } from '../support/stores/store-server.ts';
import { text } from './bytes.ts';

/** A server whose buckets can have Object Lock. */
export interface LockingServer {
  client(): S3Client;
  /** With the keys of the owner of its buckets. */
  open(bucket: string): Promise<ObjectStore>;
  /** With the keys of a user that can only create objects of this bucket; undefined: not tried. */
  openAsShipper?(bucket: string): Promise<ObjectStore>;
}

const DAY_MS = 24 * 3_600_000;
const DAYS = 2;
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS);

/** The promises of storage/lock.ts, in a bucket with a default retention of two days. */
export function locking(server: LockingServer): void {
  describe('Object Lock', () => {
    const plain = `plain-${randomUUID()}`;
    const locked = `locked-${randomUUID()}`;
    let store: ObjectStore;
    const lockOf = (of: ObjectStore): ObjectLock => {
      if (of.lock === undefined) throw new Error('the store has no lock');
      return of.lock;
    };
    const create = async () => {
      const key = `${randomUUID()}/ü +%.pack`;
      await store.create(key, text('rows'));
      return key;
    };

    beforeAll(async () => {
      await createBucket(server.client(), plain);
      await createBucket(server.client(), locked, { ObjectLockEnabledForBucket: true });
      store = await server.open(locked);
    });

    test('a bucket without Object Lock says so, and its objects cannot be locked', async () => {
      const without = await server.open(plain);
      const lock = lockOf(without);
      await without.create('x', text('x'));
      expect(await lock.configuration()).toBeUndefined();
      const invalid = {
        code: 'storage/invalid',
        message: expect.stringContaining('the bucket has no Object Lock') as string,
      };
      await expect(lock.setLegalHold('x', true)).rejects.toMatchObject(invalid);
      const wanted = { mode: 'GOVERNANCE', until: inDays(1) } as const;
      await expect(lock.extendRetention('x', wanted)).rejects.toMatchObject(invalid);
      await without.close();
    });

    test('an object without retention and legal hold has none, and the default is read', async () => {
      expect(await lockOf(store).configuration()).toEqual({ mode: undefined, days: undefined });
      const key = await create();
      expect(await lockOf(store).retention(key)).toBeUndefined();
      expect(await lockOf(store).legalHold(key)).toBe(false);
      const Rule = { DefaultRetention: { Mode: 'GOVERNANCE' as const, Days: DAYS } };
      await server.client().send(
        new PutObjectLockConfigurationCommand({
          Bucket: locked,
          ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule },
        }),
      );
      expect(await lockOf(store).configuration()).toEqual({ mode: 'GOVERNANCE', days: DAYS });
    });

    test('a retention is extended, and never shortened', async () => {
      const lock = lockOf(store);
      const key = await create();
      const until = inDays(DAYS + 3);
      const wanted = { mode: 'GOVERNANCE', until } as const;
      expect(await lock.extendRetention(key, wanted)).toBe(true);
      expect(await lock.extendRetention(key, wanted)).toBe(false);
      expect(await lock.extendRetention(key, { ...wanted, until: inDays(1) })).toBe(false);
      const now = await lock.retention(key);
      expect(now?.mode).toBe('GOVERNANCE');
      expect(now?.until.getTime()).toBeGreaterThanOrEqual(until.getTime());
    });

    test('an absent key and a deleted one are storage/not-found', async () => {
      const lock = lockOf(store);
      const deleted = await create();
      await store.delete([deleted]);
      for (const key of ['absent', deleted]) {
        const notFound = { code: 'storage/not-found' };
        const wanted = { mode: 'GOVERNANCE', until: inDays(9) } as const;
        await expect(lock.extendRetention(key, wanted)).rejects.toMatchObject(notFound);
      }
    });

    test('a version under legal hold cannot be deleted, and can when it is lifted', async () => {
      const lock = lockOf(store);
      const key = await create();
      await lock.setLegalHold(key, true);
      await lock.setLegalHold(key, true);
      expect(await lock.legalHold(key)).toBe(true);
      const object = { Bucket: locked, Key: `shop/${key}` };
      const { VersionId } = await server.client().send(new HeadObjectCommand(object));
      const version = { ...object, VersionId, BypassGovernanceRetention: true };
      const remove = () => server.client().send(new DeleteObjectCommand(version));
      expect(VersionId).toBeDefined();
      await expect(remove()).rejects.toThrow();
      await lock.setLegalHold(key, false);
      expect(await lock.legalHold(key)).toBe(false);
      await remove();
      expect(await store.head(key)).toBeUndefined();
    });

    test.runIf(server.openAsShipper !== undefined)(
      'a user that can only create objects cannot read or change a lock',
      async () => {
        const key = await create();
        const shipper = await server.openAsShipper?.(locked);
        if (shipper === undefined) return;
        const lock = lockOf(shipper);
        const denied = { code: 'storage/denied' };
        const wanted = { mode: 'GOVERNANCE', until: inDays(9) } as const;
        await expect(lock.configuration()).rejects.toMatchObject(denied);
        await expect(lock.retention(key)).rejects.toMatchObject(denied);
        await expect(lock.extendRetention(key, wanted)).rejects.toMatchObject(denied);
        await expect(lock.setLegalHold(key, false)).rejects.toMatchObject(denied);
        await shipper.close();
        await store.close();
        store = await server.open(locked);
      },
    );
  });
}
