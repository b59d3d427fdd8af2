import { messageOf } from '../../backup-set/base/errors.ts';
import { inspectBucket } from '../../storage/s3/inspect-bucket.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { functionsOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { withReplica } from '../open.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { checkBucketSetup } from './bucket.ts';
import type { Check } from './check.ts';
import { checkSealedVerdicts } from './sealed-verdicts.ts';
import { checkTestRequest } from './test-request.ts';

/** Checks how the bucket is set up, and whether functions answer. */
export async function checkDeployment(context: ClusterContext, waitMs: number): Promise<Check[]> {
  return withReplica(context, async (store, replica) => [
    ...(await checkBucket(context, store, 'bucket')),
    ...(replica === undefined ? [] : await checkBucket(context, replica, 'replica')),
    ...(await attempt('functions', 'sealed sets have verdicts', async () => [
      await checkSealedVerdicts(functionDeps(context, store)),
    ])),
    ...(await checkFunctions(context, store, waitMs)),
  ]);
}

async function checkBucket(
  { signal }: ClusterContext,
  store: ObjectStore,
  of: string,
): Promise<Check[]> {
  return attempt(of, 'reachable', async () => {
    const setup = await inspectBucket(store, { signal });
    if (setup !== undefined) return checkBucketSetup(setup, of);
    const detail = `${store.url} is a directory: it sends no events, and file permissions control the access`;
    return [{ of, name: 'set-up', ok: true, remark: true, detail }];
  });
}

async function checkFunctions(
  context: ClusterContext,
  store: ObjectStore,
  waitMs: number,
): Promise<Check[]> {
  const name = 'a test request is answered';
  if (functionsOf(context.config) === 'events')
    return attempt('functions', name, async () => [await checkTestRequest(context, store, waitMs)]);
  const detail = 'skipped: functions is "inline", so the command line runs the functions itself';
  return [{ of: 'functions', name, ok: true, remark: true, detail }];
}

async function attempt(of: string, name: string, look: () => Promise<Check[]>): Promise<Check[]> {
  try {
    return await look();
  } catch (error) {
    return [{ of, name, ok: false, detail: messageOf(error) }];
  }
}
