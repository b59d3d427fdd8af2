import { mkdir, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Context, SQSEvent, SQSRecord } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Deps } from '../../../functions/deps.ts';
import { fileOf, freshDeps, keysOf, verdictsOf } from './place.ts';
import { documentsOf, storeAll, storeObjects } from './sets.ts';

const context = { getRemainingTimeInMillis: () => 60_000, awsRequestId: 'r' } as Context;

const message = (messageId: string, body: string) => ({ messageId, body }) as SQSRecord;
const event = (...Records: SQSRecord[]): SQSEvent => ({ Records });
const failed = (...ids: string[]) => ({
  batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })),
});
const created = (key: string) =>
  JSON.stringify({
    source: 'aws.s3',
    'detail-type': 'Object Created',
    detail: { bucket: { name: 'any' }, object: { key } },
  });

describe('a function on Lambda', () => {
  let deps: Deps;
  beforeEach(async () => {
    deps = await freshDeps();
    vi.stubEnv('STOWAGE_ROOT', deps.store.url);
    vi.stubEnv('STOWAGE_LOG_LEVEL', 'silent');
    // The root is opened once per process, and every test has its own.
    vi.resetModules();
  });
  afterEach(() => vi.unstubAllEnvs());

  it('processes a batch and returns only the failed messages', async () => {
    const { handler: stitch } = await import('../../../functions/lambda/stitch.ts');
    const { handler: validate } = await import('../../../functions/lambda/validate.ts');
    const { handler: sweep } = await import('../../../functions/lambda/sweep.ts');
    const set = await storeObjects(deps.store);
    const documents = documentsOf(set);
    await storeAll(deps.store, documents);
    const good = documents.map(({ key }, index) => message(`good ${index}`, created(key)));
    expect(await stitch(event(message('bad', 'no JSON'), ...good), context)).toEqual(failed('bad'));
    const manifest =
      (await keysOf(deps.store, 'sets/')).find((key) => key.endsWith('/manifest.json')) ?? '';
    expect(await validate(event(message('it', created(manifest))), context)).toEqual(failed());
    expect(await verdictsOf(deps.store)).toMatchObject([{ level: 'validate', status: 'complete' }]);
    expect(await sweep({}, context)).toMatchObject({ committed: [], validated: [], problems: [] });
  });

  it('returns all messages of a set whose job failed, and processes the other sets', async () => {
    const { handler: stitch } = await import('../../../functions/lambda/stitch.ts');
    const set = await storeObjects(deps.store);
    const documents = documentsOf(set);
    await storeAll(deps.store, documents);
    const [good = ''] = documents.map(({ key }) => key).filter((key) => key.endsWith('/seal.json'));
    const blocked = good
      .replaceAll(set.timestamp, '20200101000000')
      .replace(/sets\/\d+/, 'sets/20200101');
    // The seal of the other set cannot be opened: it is a symbolic link to itself.
    const file = fileOf(deps.store, blocked);
    await mkdir(dirname(file), { recursive: true });
    await symlink(file, file);
    const messages = ['one', 'two'].map((id) => message(id, created(blocked)));
    const done = await stitch(event(...messages, message('good', created(good))), context);
    expect(done).toEqual(failed('one', 'two'));
    expect(await keysOf(deps.store, `sets/`)).toContain(good.replace('seal.json', 'manifest.json'));
  });

  it('ignores keys of other functions, of other roots and of no function', async () => {
    const { handler: validate } = await import('../../../functions/lambda/validate.ts');
    const set = await storeObjects(deps.store);
    const documents = documentsOf(set);
    await storeAll(deps.store, documents);
    const before = await keysOf(deps.store);
    const foreign = [...documents.map(({ key }) => key), 'sets/../../etc/passwd', 'other/thing'];
    const messages = foreign.map((key, index) => message(`${index}`, created(key)));
    expect(await validate(event(...messages), context)).toEqual(failed());
    expect(await keysOf(deps.store)).toEqual(before);
  });

  it('returns a message when its time is up, and starts no job', async () => {
    const { handler: stitch } = await import('../../../functions/lambda/stitch.ts');
    const late = { ...context, getRemainingTimeInMillis: () => 0 };
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, documentsOf(set));
    const before = await keysOf(deps.store);
    const key =
      documentsOf(set)
        .map(({ key }) => key)
        .find((key) => key.endsWith('/seal.json')) ?? '';
    expect(await stitch(event(message('late', created(key))), late)).toEqual(failed('late'));
    expect(await keysOf(deps.store)).toEqual(before);
  });
});
