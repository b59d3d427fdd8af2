import { randomUUID } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { openStore } from '../../storage/open.ts';
import { copying, copyingWrapped } from '../contract/copying.ts';
import { listing } from '../contract/listing.ts';
import { locking } from '../contract/locking.ts';
import { reading } from '../contract/reading.ts';
import { directorySubject, PART_BYTES, type Subject } from '../contract/subjects.ts';
import { writing } from '../contract/writing.ts';
import { type EventsReceiver, startEventsReceiver } from '../support/stores/events-receiver.ts';
import {
  clientOf,
  createBucket,
  envOf,
  type Keys,
  openAs,
  type StoreDefinition,
  type StoreServer,
} from '../support/stores/store-server.ts';
import { facts } from './facts.ts';
import { hostile } from './hostile.ts';
import { lockedSets } from './locked-sets.ts';
import { roundTrip } from './round-trip.ts';
import type { Running } from './running.ts';

/** `npm run test:stores` runs everything, `npm test` the contract only (docs/testing.md). */
const isWhole = process.env['STOWAGE_TEST_STORES'] === '1';
const BUCKET = 'contract';

/** The suite of one server. */
export function testStore(
  definition: StoreDefinition,
  { contract = true, locks = true } = {},
): void {
  describe(definition.name, () => {
    let server: StoreServer;
    let receiver: EventsReceiver;
    beforeAll(async () => {
      receiver = await startEventsReceiver();
      server = await definition.start({ webhook: receiver.url });
    });
    afterAll(async () => {
      await server?.stop();
      await receiver?.stop();
    });
    const counted = { tests: 0, passed: 0 };
    afterEach(({ task }) => {
      counted.tests += 1;
      if (task.result?.state !== 'fail') counted.passed += 1;
    });
    const running: Running = {
      definition,
      server: () => server,
      receiver: () => receiver,
      found: {},
      counted: () => counted,
    };
    if (contract) keepsContract(running);
    if (locks || isWhole) locksObjects(running);
    // `npm test` tries the sets on one server.
    if (definition.id === 'minio' || isWhole) lockedSets(running);
    if (!isWhole) return;
    hostile(running);
    roundTrip(running);
    facts(running);
  });
}

function locksObjects({ definition, server }: Running): void {
  const open = (keys: Keys, bucket: string) =>
    openAs(keys, `s3://${bucket}/shop`, { endpoint: server().endpoint });
  const shipper = {
    openAsShipper: async (bucket: string) => open(await server().writeOnlyKeys(bucket), bucket),
  };
  let client: S3Client | undefined;
  afterAll(() => client?.destroy());
  locking({
    client: () => (client ??= clientOf(server().endpoint, server().keys)),
    open: (bucket) => open(server().keys, bucket),
    ...(definition.hasWriteOnlyUsers ? shipper : {}),
  });
}

function keepsContract({ definition, server }: Running): void {
  const directory = directorySubject();
  const subject: Subject = {
    ...definition,
    rejectsLargeUploadOverExisting: false,
    async start() {
      Object.assign(process.env, envOf(server().keys));
      const client = clientOf(server().endpoint, server().keys);
      await createBucket(client, BUCKET);
      client.destroy();
    },
    stop: () => Promise.resolve(),
    open: (s3) =>
      openStore({
        root: `s3://${BUCKET}/${randomUUID()}`,
        s3: {
          endpoint: server().endpoint,
          partBytes: PART_BYTES,
          copyPartBytes: PART_BYTES,
          ...s3,
        },
      }),
  };
  describe('keeps the promises of storage/store.ts', () => {
    beforeAll(async () => {
      await subject.start();
      await directory.start();
    });
    afterAll(() => directory.stop());
    writing(subject);
    reading(subject);
    listing(subject);
    copying(subject, subject);
    copyingWrapped(subject);
    if (!isWhole) return;
    copying(directory, subject);
    copying(subject, directory);
  });
}
