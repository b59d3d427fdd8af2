import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import pino, { type Logger } from 'pino';
import { StowageError } from '../backup-set/errors.ts';
import { openStore } from '../storage/open.ts';
import type { ObjectStore } from '../storage/store.ts';
import type { Deps } from './deps.ts';
import { normalise, underRoot } from './normalise.ts';
import { type Job, jobOf, runJob } from './route.ts';
import { sweep } from './sweep.ts';
import type { SweepReport } from './sweep-report.ts';

/** Left of the invocation's time for ending well: what is interrupted is delivered again. */
const RESERVE_MS = 3000;

const log: Logger = pino();
let opened: Promise<ObjectStore> | undefined;

/** Notifications from SQS (S3's own, EventBridge's, or SNS's): one failed message does not repeat the others. */
export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  const deps = await depsOf(context);
  const running = new Map<string, Promise<unknown>>();
  const batchItemFailures: SQSBatchResponse['batchItemFailures'] = [];
  for (const { messageId, body } of event.Records) {
    try {
      for (const job of jobsIn(deps.store, body)) {
        const name = `${job.work} ${job.of}`;
        // The receipts of one set come together: it is looked at once.
        const result = running.get(name) ?? runJob(deps, job);
        running.set(name, result);
        await result;
      }
    } catch (error) {
      log.error({ err: error, messageId }, 'message failed');
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures };
}

/** On a schedule. Fails when anything could not be swept, so that the alarm on errors sees it. */
export async function scheduled(_event: unknown, context: Context): Promise<SweepReport> {
  const report = await sweep(await depsOf(context));
  const [first] = report.problems.filter(({ restore }) => restore === undefined);
  if (first === undefined) return report;
  throw new StowageError(
    'storage/unavailable',
    `${report.problems.length} not swept, first: ${first.message}`,
    {
      ...(first.set === undefined ? {} : { where: { set: first.set } }),
    },
  );
}

function jobsIn(store: ObjectStore, body: string): Job[] {
  return underRoot(store.url, normalise(JSON.parse(body)))
    .map(jobOf)
    .filter((job) => job !== undefined);
}

async function depsOf(context: Context): Promise<Deps> {
  opened ??= openRoot();
  const remainingMs = Math.max(0, context.getRemainingTimeInMillis() - RESERVE_MS);
  return { store: await opened, clock: () => new Date(), log, signal: AbortSignal.timeout(remainingMs) };
}

async function openRoot(): Promise<ObjectStore> {
  const root = process.env['STOWAGE_ROOT'];
  if (root === undefined)
    throw new StowageError(
      'config/missing',
      'STOWAGE_ROOT is not set; it names the root, s3://bucket/prefix',
    );
  return openStore({ root });
}
