import type { Context, SQSEvent, SQSRecord } from 'aws-lambda';
import { describe, expect, it, vi } from 'vitest';
import { freshDeps, verdictsOf } from './place.ts';
import { documentsOf, storeAll, storeObjects } from './sets.ts';

const context = { getRemainingTimeInMillis: () => 60_000 } as Context;

const message = (messageId: string, body: string) => ({ messageId, body }) as SQSRecord;
const eventBridge = (key: string) =>
  JSON.stringify({
    source: 'aws.s3',
    'detail-type': 'Object Created',
    detail: { bucket: { name: 'any' }, object: { key } },
  });

describe('the Lambda adapter', () => {
  it('works on a batch, and gives back only the messages that failed', async () => {
    const deps = await freshDeps();
    vi.stubEnv('STOWAGE_ROOT', deps.store.url);
    const { handler, scheduled } = await import('../../../functions/lambda.ts');
    const set = await storeObjects(deps.store);
    await storeAll(deps.store, documentsOf(set));
    const good = documentsOf(set).map(({ key }, index) => message(`good ${index}`, eventBridge(key)));
    const event: SQSEvent = { Records: [message('bad', 'no JSON'), ...good] };
    expect(await handler(event, context)).toEqual({ batchItemFailures: [{ itemIdentifier: 'bad' }] });
    expect(await scheduled({}, context)).toMatchObject({ sets: 1, validated: [set.timestamp], problems: [] });
    expect(await verdictsOf(deps.store)).toMatchObject([{ level: 'validate', status: 'complete' }]);
    vi.unstubAllEnvs();
  });
});
