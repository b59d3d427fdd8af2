import { GetObjectRetentionCommand, PutObjectRetentionCommand } from '@aws-sdk/client-s3';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import { notFound } from '../../errors.ts';
import type { Retention } from '../../lock.ts';
import type { CallOptions } from '../../store.ts';
import type { S3 } from '../connection/client.ts';
import { listObjects } from '../list.ts';
import { askAbout } from './ask.ts';
import { lockMode } from './mode.ts';

export async function readRetention(
  s3: S3,
  key: string,
  options: CallOptions,
): Promise<Retention | undefined> {
  const input = { Bucket: s3.bucket, Key: s3.prefix + key };
  const doing = `reading the retention of ${key}`;
  const found = await askAbout(s3, key, doing, options, (client, http) =>
    client.send(new GetObjectRetentionCommand(input), http),
  );
  const { Mode, RetainUntilDate } = found?.Retention ?? {};
  const mode = lockMode(Mode);
  return mode === undefined || RetainUntilDate === undefined
    ? undefined
    : { mode, until: RetainUntilDate };
}

/**
 * As `ObjectLock.extendRetention`. Keeps the mode of an object that has one: servers refuse to
 * change it. The server refuses a date before the present one, so a race cannot shorten either.
 */
export async function extendRetention(
  s3: S3,
  key: string,
  wanted: Retention,
  options: CallOptions,
): Promise<boolean> {
  const present = await readRetention(s3, key, options);
  const until = wholeSecond(wanted.until);
  if (present !== undefined && present.until >= until) return false;
  // SeaweedFS accepts a retention for a delete marker, where it protects nothing.
  if (present === undefined && !(await exists(s3, key, options))) throw notFound(key, s3.url);
  const Retention = { Mode: present?.mode ?? wanted.mode, RetainUntilDate: until };
  const input = { Bucket: s3.bucket, Key: s3.prefix + key, Retention };
  const doing = `extending the retention of ${key} to ${until.toISOString()}`;
  try {
    await askAbout(s3, key, doing, options, (client, http) =>
      client.send(new PutObjectRetentionCommand(input), http),
    );
    return true;
  } catch (error) {
    if (!isStowageError(error, 'storage/denied') && !isStowageError(error, 'storage/invalid'))
      throw error;
    // Another process may have extended it further meanwhile.
    const now = await readRetention(s3, key, options);
    if (now !== undefined && now.until >= until) return false;
    throw error;
  }
}

/** Requests carry whole seconds only. */
const wholeSecond = (date: Date) => new Date(Math.ceil(date.getTime() / 1000) * 1000);

/** By a listing: a role that extends retention cannot read the object. */
async function exists(s3: S3, key: string, options: CallOptions): Promise<boolean> {
  for await (const object of listObjects(s3, key, options)) return object.key === key;
  return false;
}
