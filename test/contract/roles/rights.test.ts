import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eachInFlight, mapInFlight } from '../../../async/each-in-flight.ts';
import { LANES, pascal, SCHEDULED } from '../../../infra/aws/lanes.mjs';
import { failureOf } from '../../../storage/s3/errors.ts';
import { BUCKET, type StowageRoles, startStowageRoles } from '../../support/ceph/stowage-roles.ts';
import { REPEATS } from '../../support/repeats/repeats.ts';
import { keyClasses, listingOf } from '../../support/rights/key-classes.ts';
import { type RightsRow, readSecurityPage } from '../../support/rights/rights-table.ts';

// Tries the cells of the table in docs/security.md on a server that enforces the policy.
const { rows } = await readSecurityPage();
const AT_ONCE = 8;
const ofFunctions = new Set([...LANES, ...SCHEDULED].map(({ name }) => pascal(name)));
/** The roles of people and hosts, always. test/stack/ compares those of the functions, too. */
const tried = rows.filter(({ role }) => REPEATS || !ofFunctions.has(role));
let at: StowageRoles;

beforeAll(async () => {
  at = await startStowageRoles();
});
afterAll(() => at?.stop());

/**
 * Each role has its own sets, restores and tasks: in one world all keys exist, in the other none.
 */
function keysFor(who: string, world: 'stored' | 'absent') {
  const number = rows.findIndex((row) => row.role === who);
  const timestamp = `202601310${world === 'stored' ? 1 : 2}00${String(number).padStart(2, '0')}`;
  return keyClasses({
    timestamp,
    restore: `${timestamp}004-0123abcd`,
    task: `${timestamp}005-${timestamp}`,
    number,
  });
}

/** The classes for whose keys `attempt` is true. All keys of one class must give the same. */
async function classesWhere(
  who: string,
  world: 'stored' | 'absent',
  attempt: (key: string) => Promise<boolean>,
): Promise<string[]> {
  const keys = [...keysFor(who, world)].flatMap(([name, own]) =>
    own.map((key) => ({ name, key: at.key(key) })),
  );
  const tried = await mapInFlight(keys, AT_ONCE, async ({ name, key }) => ({
    name,
    done: await attempt(key),
  }));
  const answers = Map.groupBy(tried, ({ name }) => name);
  for (const [name, ofClass] of answers)
    expect(new Set(ofClass.map(({ done }) => done)), name).toHaveLength(1);
  return [...answers]
    .filter(([, ofClass]) => ofClass[0]?.done === true)
    .map(([name]) => name)
    .toSorted();
}

/** True when the server executed the request, false for HTTP 403. Throws any other error. */
async function isDone(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if (failureOf(error).status === 403) return false;
    throw error;
  }
}

const Bucket = BUCKET;
/** Reads the body, too: an unread body keeps its connection, and the client has 50 of them. */
const get = async (client: S3Client, Key: string) =>
  (await client.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToByteArray();
const put = (client: S3Client, Key: string) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.from('x'), IfNoneMatch: '*' }));

describe.each(tried)('$role', (row: RightsRow) => {
  const { role: who } = row;
  let client: S3Client;

  beforeAll(async () => {
    client = at.client(who);
    const keys = [...keysFor(who, 'stored').values()].flat();
    await eachInFlight(keys, AT_ONCE, (key) => put(at.ceph.client, at.key(key)));
  });

  test('creates exactly what docs/security.md allows', async () => {
    const created = await classesWhere(who, 'absent', (key) => isDone(put(client, key)));
    expect(created).toEqual([...row.creates].toSorted());
  });

  test('reads exactly what docs/security.md allows, whichever role wrote it', async () => {
    const read = (key: string) => isDone(get(client, key));
    expect(await classesWhere(who, 'stored', read)).toEqual([...row.reads].toSorted());
    const own = new Set(
      [...keysFor(who, 'absent')]
        .filter(([name]) => row.creates.has(name))
        .flatMap(([, keys]) => keys),
    );
    for (const [name, keys] of keysFor(who, 'absent'))
      for (const key of keys)
        if (own.has(key)) expect(await read(at.key(key)), key).toBe(row.reads.has(name));
  });

  test('aborts exactly the uploads that docs/security.md allows, whichever role began them', async () => {
    const ended = await classesWhere(who, 'stored', async (Key) => {
      const { UploadId } = await at.ceph.client.send(
        new CreateMultipartUploadCommand({ Bucket, Key }),
      );
      const upload = { Bucket, Key, UploadId };
      const done = await isDone(client.send(new AbortMultipartUploadCommand(upload)));
      if (!done) await at.ceph.client.send(new AbortMultipartUploadCommand(upload));
      return done;
    });
    expect(ended).toEqual([...row.endsUploads].toSorted());
  });

  // All or nothing: with a condition on s3:prefix, Ceph 16 answers 403 for absent objects.
  test('lists objects and uploads only where docs/security.md allows it', async () => {
    for (const keys of keysFor(who, 'stored').values())
      for (const prefix of listingOf(keys)) {
        const listing = client.send(new ListObjectsV2Command({ Bucket, Prefix: at.key(prefix) }));
        expect(await isDone(listing), prefix).toBe(row.lists.size > 0);
      }
    const uploads = client.send(new ListMultipartUploadsCommand({ Bucket }));
    expect(await isDone(uploads)).toBe(who === 'Sweep' || who === 'Operator');
  });

  // In a bucket without Object Lock, Ceph answers 400 when the user has the right.
  test('extends, holds and releases exactly what docs/security.md allows', async () => {
    const may = async (request: Promise<unknown>) => {
      try {
        return await isDone(request);
      } catch (error) {
        if (failureOf(error).status === 400) return true;
        throw error;
      }
    };
    const RetainUntilDate = new Date(Date.now() + 86_400_000);
    const extended = await classesWhere(who, 'stored', (Key) => {
      const Retention = { Mode: 'GOVERNANCE' as const, RetainUntilDate };
      return may(client.send(new PutObjectRetentionCommand({ Bucket, Key, Retention })));
    });
    expect(extended).toEqual([...row.extends].toSorted());
    const held = await classesWhere(who, 'stored', (Key) => {
      const LegalHold = { Status: 'ON' as const };
      return may(client.send(new PutObjectLegalHoldCommand({ Bucket, Key, LegalHold })));
    });
    // Ceph has no condition on the value: the right to hold and the right to release are one.
    expect(held).toEqual([...new Set([...row.holds, ...row.releases])].toSorted());
  });

  test('deletes exactly what docs/security.md allows, whichever role wrote it', async () => {
    const remove = (Key: string) => isDone(client.send(new DeleteObjectCommand({ Bucket, Key })));
    expect(await classesWhere(who, 'stored', remove)).toEqual([...row.deletes].toSorted());
    expect(await classesWhere(who, 'absent', remove)).toEqual([...row.deletes].toSorted());
  });
});
