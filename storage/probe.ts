import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { isStowageError, messageOf } from '../backup-set/base/errors.ts';
import { plural } from '../backup-set/base/words.ts';
import { PART_BYTES_DEFAULT } from './s3/parts/sizes.ts';
import type { CallOptions, ObjectStore } from './store.ts';

export interface ProbeReport {
  /** Every check passed. */
  readonly ok: boolean;
  readonly checks: readonly ProbeCheck[];
}

interface ProbeCheck {
  readonly name: string;
  readonly ok: boolean;
  /** The check was not made, because an earlier one failed. `ok` is then false. */
  readonly skipped?: true;
  /** One line for the operator: what was observed, or what failed. */
  readonly detail: string;
}

export interface ProbeOptions extends CallOptions {
  /** The part size of the store: the probe uploads several parts. */
  readonly partBytes?: number;
}

const RACING_CREATES = 32;
/** Sets are named by the clock of this host; S3 rejects requests whose clock is 15 minutes off. */
const SKEW_MS_MAX = 60_000;
const CLEANUP_MS_MAX = 30_000;

/** @returns the detail. @throws when the store does not keep its promise. */
type Check = (probe: Probe) => Promise<string>;

interface Probe {
  readonly store: ObjectStore;
  readonly folder: string;
  readonly options: CallOptions;
  readonly partBytes: number;
}

/** The first check: without its rights no other check can work. */
const FIRST = 'conditional create';
const UPLOAD = 'multipart upload';
/** What a check reads is written by another one. */
const NEEDS: Readonly<Record<string, string>> = { 'ranged read': UPLOAD, list: UPLOAD };

const CHECKS: Readonly<Record<string, Check>> = {
  [FIRST]: createRefuses,
  [`${RACING_CREATES} concurrent creates`]: oneCreateWins,
  [UPLOAD]: uploadReadsBack,
  'ranged read': rangeIsExact,
  list: listShows,
  clocks: clocksAgree,
  delete: deleteRemoves,
};

/**
 * Tries everything that Stowage relies on, in a new folder of the store, and cleans up. `stowage
 * doctor` runs it: a server does not always do what it claims to support.
 */
export async function probeStore(
  store: ObjectStore,
  options: ProbeOptions = {},
): Promise<ProbeReport> {
  const { partBytes = PART_BYTES_DEFAULT, ...rest } = options;
  const probe: Probe = { store, folder: `.probe/${randomUUID()}/`, options: rest, partBytes };
  const checks: ProbeCheck[] = [];
  /** The check whose failure leaves nothing to check. */
  let stopper: string | undefined;
  const causeOf = (name: string) =>
    stopper ?? checks.find((check) => check.name === NEEDS[name] && !check.ok)?.name;
  try {
    for (const [name, check] of Object.entries(CHECKS)) {
      options.signal?.throwIfAborted();
      const cause = causeOf(name);
      if (cause !== undefined) {
        checks.push(skipped(name, cause));
        continue;
      }
      try {
        checks.push({ name, ok: true, detail: await check(probe) });
      } catch (error) {
        checks.push({ name, ok: false, detail: messageOf(error) });
        if (stopsAll(name, error)) stopper = name;
      }
    }
  } finally {
    checks.push(stopper === undefined ? await cleanUp(probe) : skipped('clean-up', stopper));
  }
  return { ok: checks.every(({ ok }) => ok), checks };
}

/** Checks of a server that does not answer would each wait for all retries. */
function stopsAll(name: string, error: unknown): boolean {
  return isStowageError(error, 'storage/unavailable') || (name === FIRST && isStowageError(error));
}

function skipped(name: string, cause: string): ProbeCheck {
  return { name, ok: false, skipped: true, detail: `not checked, because ${cause} failed` };
}

async function createRefuses({ store, folder, options }: Probe): Promise<string> {
  const key = `${folder}created`;
  const first = Buffer.from('first');
  await store.create(key, first, options);
  const outcome = await store.create(key, Buffer.from('second'), options).then(
    () => 'accepted',
    (error: unknown) => {
      if (isStowageError(error, 'storage/exists')) return 'refused';
      throw error;
    },
  );
  const body = Buffer.from(await store.read(key, { ...options, bytesMax: 100 }));
  if (outcome !== 'refused' || !body.equals(first))
    throw new Error(
      'a second create of the same key was accepted: the server ignores If-None-Match, so objects can be overwritten. Some servers do so in buckets with versions only',
    );
  return 'a second create of the same key was rejected';
}

async function oneCreateWins({ store, folder, options }: Probe): Promise<string> {
  const key = `${folder}raced`;
  const creates = Array.from({ length: RACING_CREATES }, (_, index) =>
    store.create(key, Buffer.from(`${index}`), options),
  );
  const ends = await Promise.allSettled(creates);
  for (const end of ends) {
    if (end.status === 'rejected' && !isStowageError(end.reason, 'storage/exists'))
      throw end.reason as Error;
  }
  const winners = ends.flatMap((end, index) => (end.status === 'fulfilled' ? [`${index}`] : []));
  if (winners.length !== 1)
    throw new Error(
      `${winners.length} of ${RACING_CREATES} concurrent creates of one key succeeded: two backups, restores or agents that start at the same time can take the same set or order. Run one command at a time, without agents`,
    );
  const body = Buffer.from(await store.read(key, { ...options, bytesMax: 100 })).toString();
  if (body !== winners[0])
    throw new Error(
      `create ${winners[0]} returned success, but the object has the bytes of create ${body}`,
    );
  return `one succeeded, ${RACING_CREATES - 1} were rejected`;
}

async function uploadReadsBack({ store, folder, options, partBytes }: Probe): Promise<string> {
  const wrote = createHash('sha256');
  const block = randomBytes(1024 * 1024);
  const blocks = Math.ceil((2 * partBytes + 1) / block.length);
  async function* source() {
    for (let index = 0; index < blocks; index += 1) {
      block.writeUInt32BE(index);
      wrote.update(block);
      yield block;
    }
  }
  const { bytes } = await store.upload(`${folder}uploaded`, source(), options);
  const read = createHash('sha256');
  for await (const chunk of store.get(`${folder}uploaded`, options)) read.update(chunk);
  if (read.digest('hex') !== wrote.digest('hex'))
    throw new Error('the bytes read differ from the bytes written');
  return `${plural(bytes, 'byte')} were read back, same digest`;
}

async function rangeIsExact({ store, folder, options }: Probe): Promise<string> {
  const range = { offset: 3 * 1024 * 1024, length: 4 };
  const got = Buffer.concat(
    await Array.fromAsync(store.get(`${folder}uploaded`, { ...options, ...range })),
  );
  if (got.length !== 4 || got.readUInt32BE() !== 3)
    throw new Error(`the 4 bytes at 3 MiB were read as ${got.toString('hex')}`);
  return '4 bytes at 3 MiB were read';
}

async function listShows({ store, folder, options }: Probe): Promise<string> {
  const listed = await Array.fromAsync(store.list(folder, options));
  const names = listed.map(({ key }) => key.slice(folder.length));
  const wanted = ['created', 'raced', 'uploaded'];
  if (names.join() !== wanted.join())
    throw new Error(`stored ${wanted.join(', ')}; listed ${names.join(', ')}`);
  for (const { key, bytes, etag } of listed) {
    const found = await store.head(key, options);
    if (found?.bytes !== bytes || found.etag !== etag)
      throw new Error(`head and list differ in size or ETag of ${key}`);
  }
  return `${plural(listed.length, 'object')}, with the sizes and ETags that head returns`;
}

async function clocksAgree({ store, folder, options }: Probe): Promise<string> {
  const key = `${folder}dated`;
  const before = Date.now();
  await store.create(key, Buffer.from('dated'), options);
  const found = await store.head(key, options);
  if (found === undefined) throw new Error('the object that was just created does not exist');
  const skewMs = found.modifiedAt.getTime() - (before + Date.now()) / 2;
  const detail = `the store's clock is ${(Math.abs(skewMs) / 1000).toFixed(1)} s ${skewMs < 0 ? 'behind' : 'ahead'}`;
  if (Math.abs(skewMs) > SKEW_MS_MAX)
    throw new Error(
      `${detail} of this host's, more than ${SKEW_MS_MAX / 1000} s: synchronize the clocks (NTP)`,
    );
  return detail;
}

async function deleteRemoves({ store, folder, options }: Probe): Promise<string> {
  await store.delete([`${folder}created`, `${folder}absent`], options);
  if ((await store.head(`${folder}created`, options)) !== undefined)
    throw new Error('a deleted object still exists');
  return 'a deleted object is gone; deleting a missing key is not an error';
}

/** Also runs after the caller's signal has fired, so it has its own time limit. */
async function cleanUp({ store, folder }: Probe): Promise<ProbeCheck> {
  const name = 'clean-up';
  const options = { signal: AbortSignal.timeout(CLEANUP_MS_MAX) };
  try {
    for await (const upload of store.pendingUploads(folder, options))
      await store.abortUpload(upload, options);
    const keys = await Array.fromAsync(store.list(folder, options), ({ key }) => key);
    await store.delete(keys, options);
    return { name, ok: true, detail: `${plural(keys.length, 'object')} removed` };
  } catch (error) {
    return { name, ok: false, detail: `${folder}: ${messageOf(error)}` };
  }
}
