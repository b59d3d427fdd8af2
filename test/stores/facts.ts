import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutBucketVersioningCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createdKeys } from '../../functions/events/created-keys.ts';
import { resultFile, type StoreFacts, type StoreResult } from '../../infra/docs/stores.ts';
import { failureOf } from '../../storage/s3/errors.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { reusing, someBytes, text } from '../contract/bytes.ts';
import { PART_BYTES } from '../contract/subjects.ts';
import { clientOf, createBucket, openAs } from '../support/stores/store-server.ts';
import { completion, creates, lock, wrongDigest } from './measures.ts';
import type { Running } from './running.ts';

const isRecording = process.env['STOWAGE_STORES_RECORD'] === '1';

/**
 * Measures what docs/object-stores.md says of the server, and compares it with the file from which
 * the page is printed.
 */
export function facts(running: Running): void {
  const { definition, server, receiver, found } = running;
  describe('what docs/object-stores.md says of it', () => {
    let client: S3Client;
    let hasVersions = false;
    let plain: ObjectStore;
    let versioned: ObjectStore;
    const open = (bucket: string) =>
      openAs(server().keys, `s3://${bucket}/shop`, { endpoint: server().endpoint });

    beforeAll(async () => {
      client = clientOf(server().endpoint, server().keys);
      await createBucket(client, 'plain');
      await createBucket(client, 'versioned');
      hasVersions = await client
        .send(
          new PutBucketVersioningCommand({
            Bucket: 'versioned',
            VersioningConfiguration: { Status: 'Enabled' },
          }),
        )
        .then(
          () => true,
          (error: unknown) => {
            if (![400, 405, 501].includes(failureOf(error).status ?? 0)) throw error;
            return false;
          },
        );
      plain = await open('plain');
      versioned = await open('versioned');
    });
    afterAll(async () => {
      client?.destroy();
      await plain?.close();
      await versioned?.close();
    });

    test('conditional writes', async () => {
      found.conditionalCreate = await creates(client, 'plain');
      found.conditionalCreateWithVersions = hasVersions
        ? await creates(client, 'versioned')
        : 'no versions';
      found.conditionalCompletion = await completion(client, 'plain');
    });

    test('Object Lock with a default retention, and what Stowage writes there', async () => {
      Object.assign(found, await lock(client, 'locked'));
      if (found.objectLock === 'not supported') return;
      const store = await open('locked');
      await store.create('x', text('x'));
      const pack = await store.upload('x.pack', reusing(someBytes(3 * PART_BYTES), 1_000_000));
      expect((await store.head('x.pack'))?.etag).toBe(pack.etag);
      await store.close();
    });

    test('digests', async () => {
      found.wrongChecksum = await wrongDigest(client, 'plain', { ChecksumCRC32: 'AAAAAA==' });
      found.wrongContentMd5 = await wrongDigest(client, 'plain', {
        ContentMD5: 'AAAAAAAAAAAAAAAAAAAAAA==',
      });
    });

    test('folders whose objects were deleted', async () => {
      for (const store of [plain, versioned]) {
        await store.create('ghosts/a/b/x', text('1'));
        await store.create('ghosts/a/b/y', text('1'));
        await store.delete(['ghosts/a/b/x', 'ghosts/a/b/y']);
      }
      const [emptied = 0, inVersions = 0] = await Promise.all(
        [plain, versioned].map(
          async (store) => (await Array.fromAsync(store.listPrefixes('ghosts/'))).length,
        ),
      );
      expect(emptied > 0).toBe(definition.listsEmptiedFolders === true);
      found.ghostFolders =
        emptied > 0
          ? 'listed for some time'
          : inVersions > 0
            ? 'listed in buckets with versions'
            : 'not listed';
      for (const store of [plain, versioned])
        expect(await Array.fromAsync(store.list('ghosts/'))).toEqual([]);
    });

    test('unfinished uploads', async () => {
      const upload = { Bucket: 'plain', Key: 'shop/uploads/a/x.pack' };
      const { UploadId } = await client.send(new CreateMultipartUploadCommand(upload));
      const below = async (prefix: string) =>
        (await Array.fromAsync(plain.pendingUploads(prefix))).length;
      expect(await below('uploads/a/x.pack')).toBe(1);
      found.pendingUploads =
        (await below('uploads/')) === 1 ? 'listed by prefix' : 'listed by key only';
      await client.send(new AbortMultipartUploadCommand({ ...upload, UploadId }));
      expect(await below('uploads/a/x.pack')).toBe(0);
    });

    test('events', async () => {
      found.events = definition.events;
      if (definition.events === 'not tried') return;
      await server().subscribe?.('plain');
      const key = `sets/ü +%/${randomUUID()}.json`;
      await plain.create(key, text('{}'));
      const keys = () => receiver().bodies.flatMap((body) => createdKeys(plain.url, body).keys);
      await expect.poll(keys, { timeout: 90_000, interval: 200 }).toContain(key);
    });

    test('are the results from which the page is printed', async () => {
      const { name, version, hasWriteOnlyUsers } = definition;
      const writeOnlyUser = hasWriteOnlyUsers ? 'yes' : 'not tried';
      const facts = { name, version, writeOnlyUser, ...found } as StoreFacts;
      expect(facts.conditionalCreate === 'one winner').toBe(definition.createsAtomically);
      const file = resultFile(definition.id);
      if (!isRecording) {
        const recorded = JSON.parse(await readFile(file, 'utf8')) as StoreResult;
        expect(facts).toEqual(recorded.facts);
        return;
      }
      await mkdir(new URL('.', file), { recursive: true });
      const result: StoreResult = { facts, suite: running.counted() };
      await writeFile(file, `${JSON.stringify(result, null, 2)}\n`);
    });
  });
}
