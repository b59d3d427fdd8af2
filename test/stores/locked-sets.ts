import { randomUUID } from 'node:crypto';
import {
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  PutObjectLockConfigurationCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decode } from '../../backup-set/base/document.ts';
import { formatKey, setPrefix } from '../../backup-set/base/keys.ts';
import { LockRecord } from '../../backup-set/documents/locks.ts';
import { RetentionRules } from '../../backup-set/retention/rules.ts';
import type { Deps } from '../../functions/deps.ts';
import { announcementOf } from '../../functions/handlers/announce.ts';
import { extendRetention } from '../../functions/handlers/extend-retention.ts';
import { validate } from '../../functions/handlers/validate.ts';
import { holdSet, releaseSet } from '../../functions/retention/hold.ts';
import { sweep } from '../../functions/sweep/sweep.ts';
import type { ObjectLock } from '../../storage/lock.ts';
import { bytesOf, keysOf, later } from '../integration/functions/place.ts';
import { backUp, expire, stateOf } from '../integration/retention/world.ts';
import { clientOf, createBucket, openAs } from '../support/stores/store-server.ts';
import type { Running } from './running.ts';

const DAY_MS = 24 * 3_600_000;
const [FIRST, SECOND] = ['20260131010203', '20260201010203'] as const;
const RULES = RetentionRules.parse({ keepLast: 1, graceHours: 0 });

/** Sets in a bucket with Object Lock (docs/design/0025-object-lock.md, docs/ransomware.md). */
export function lockedSets({ server }: Running): void {
  describe('sets in a bucket with Object Lock', () => {
    const Bucket = `sets-${randomUUID()}`;
    let client: S3Client;
    let at: Deps;
    let lock: ObjectLock;

    const lockFor = (Days: number) =>
      client.send(
        new PutObjectLockConfigurationCommand({
          Bucket,
          ObjectLockConfiguration: {
            ObjectLockEnabled: 'Enabled',
            Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days } },
          },
        }),
      );
    const versions = async () => {
      const Prefix = at.store.url.slice(`s3://${Bucket}/`.length);
      return client.send(new ListObjectVersionsCommand({ Bucket, Prefix }));
    };
    /** The step of docs/ransomware.md that brings deleted objects back. */
    const removeDeleteMarkers = async () => {
      for (const { Key, VersionId, IsLatest } of (await versions()).DeleteMarkers ?? [])
        if (IsLatest === true)
          await client.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
    };
    const packsOf = async (timestamp: string) =>
      (await keysOf(at.store, setPrefix(timestamp))).filter((key) => key.endsWith('.pack'));
    const recordIn = async ({ wrote: [key = ''] }: { readonly wrote: readonly string[] }) =>
      decode(LockRecord, { key, bytes: await bytesOf(at.store, key) });

    beforeAll(async () => {
      client = clientOf(server().endpoint, server().keys);
      await createBucket(client, Bucket, { ObjectLockEnabledForBucket: true });
    });
    afterAll(() => client?.destroy());

    /** Two sets in a new root. The younger uses packs of the older, and is locked longer. */
    async function twoSets(): Promise<void> {
      const root = `s3://${Bucket}/${randomUUID()}`;
      const store = await openAs(server().keys, root, { endpoint: server().endpoint });
      at = { store, clock: () => new Date(), log: pino({ level: 'silent' }) };
      if (store.lock === undefined) throw new Error('a lock was expected');
      lock = store.lock;
      await lockFor(1);
      await backUp(at, FIRST);
      await lockFor(5);
      await backUp(at, SECOND, FIRST);
    }

    test('packs of an older set stay locked as long as a set that uses them', async () => {
      await twoSets();
      const done = await extendRetention(at, SECOND);
      expect(done.wrote).toEqual([expect.stringMatching(/\/locks\/\d{17}\.json$/)]);
      const packs = await packsOf(FIRST);
      const extended = { objects: packs.length, extended: packs.length };
      expect(await recordIn(done)).toMatchObject({ status: 'complete', ...extended });
      const manifest = await at.store.head(formatKey({ kind: 'manifest', timestamp: SECOND }));
      const until = (manifest?.modifiedAt.getTime() ?? 0) + 5 * DAY_MS;
      for (const key of packs)
        expect((await lock.retention(key))?.until.getTime()).toBeGreaterThanOrEqual(until);
      expect((await extendRetention(at, SECOND)).wrote).toEqual([]);
      expect((await extendRetention(at, FIRST)).wrote).toEqual([]);
    });

    test('a pack that cannot be locked is named, announced, and locked by a later sweep', async () => {
      await twoSets();
      const [lost = ''] = await packsOf(FIRST);
      await at.store.delete([lost]);
      const done = await extendRetention(at, SECOND);
      expect(await recordIn(done)).toMatchObject({
        status: 'incomplete',
        problems: [{ code: 'lock-not-extended', object: lost }],
      });
      expect(await announcementOf(at, done.wrote[0] ?? '')).toMatchObject({
        ...{ kind: 'locks', set: SECOND, status: 'incomplete', problemsTotal: 1 },
      });
      expect((await extendRetention(at, SECOND)).wrote).toEqual([]);
      await removeDeleteMarkers();
      // The names of these sets are from January: the sweeper looks at young sets only.
      const young = new Date(`${SECOND.slice(0, 4)}-02-02T00:00:00Z`);
      const swept = { ...at, store: { ...at.store, now: async () => young } };
      await sweep(swept);
      const records = await keysOf(at.store, `${setPrefix(SECOND)}locks/`);
      expect(records.length).toBeGreaterThan(1);
      expect((await lock.retention(lost))?.until.getTime()).toBeGreaterThan(
        Date.now() + 4 * DAY_MS,
      );
    });

    test('a held set has a legal hold on all that it uses, until no held set needs it', async () => {
      await twoSets();
      const own = await keysOf(at.store, setPrefix(SECOND));
      const packs = await packsOf(FIRST);
      const { legalHolds } = await holdSet(at, SECOND, 'audit');
      expect(legalHolds).toBeGreaterThanOrEqual(own.length + packs.length);
      const held = async (keys: readonly string[]) =>
        new Set(await Promise.all(keys.map((key) => lock.legalHold(key))));
      expect(await held([...own, ...packs])).toEqual(new Set([true]));
      await holdSet(at, FIRST, 'audit');
      await releaseSet(at, SECOND);
      expect(await held(own)).toEqual(new Set([false]));
      expect(await held(packs)).toEqual(new Set([true]));
      await releaseSet(at, FIRST);
      expect(await held([...own, ...packs])).toEqual(new Set([false]));
    });

    test('an expired set stays whole while it is locked, and its versions stay after that', async () => {
      await twoSets();
      await backUp(at, '20260202010203');
      const before = await keysOf(at.store, setPrefix(FIRST));
      await expire(at, RULES);
      const report = await expire(at, RULES);
      expect(report.removed).toEqual([]);
      expect(report.locked.map(({ timestamp }) => timestamp).toSorted()).toEqual([FIRST, SECOND]);
      for (const { until } of report.locked)
        expect(Date.parse(until ?? '')).toBeGreaterThan(Date.now());
      expect(await stateOf(at, FIRST)).toBe('expired');
      expect(await keysOf(at.store, setPrefix(FIRST))).toEqual(expect.arrayContaining(before));
      const removed = await expire(later(at, 30 * DAY_MS), RULES);
      expect(removed.removed.map(({ timestamp }) => timestamp).toSorted()).toEqual([FIRST, SECOND]);
      expect(await keysOf(at.store, setPrefix(FIRST))).toEqual([]);
      const left = (await versions()).Versions ?? [];
      for (const key of before) expect(left.some(({ Key }) => Key?.endsWith(key))).toBe(true);
    });

    test('what an attacker with the right to delete has deleted comes back complete', async () => {
      await twoSets();
      const before = await keysOf(at.store);
      await at.store.delete(before);
      expect(await keysOf(at.store)).toEqual([]);
      for (const { Key, VersionId } of (await versions()).Versions ?? [])
        await expect(
          client.send(new DeleteObjectCommand({ Bucket, Key, VersionId })),
        ).rejects.toThrow();
      await removeDeleteMarkers();
      for (const timestamp of [FIRST, SECOND])
        expect((await validate(at, timestamp)).verdict).toMatchObject({ status: 'complete' });
      expect(await keysOf(at.store)).toEqual(expect.arrayContaining(before));
    });
  });
}
