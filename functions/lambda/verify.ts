import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { requestVerification } from '../handlers/request-verification.ts';
import { openInvocation } from './environment.ts';
import { handlerOf } from './jobs.ts';
import { measure } from './measure.ts';

const onMessages = handlerOf('plan-task', 'run-slice', 'advance-task');

/** The input of the schedule (infra/aws/resources/schedules.yml). */
interface Scheduled {
  readonly verify: 'newest';
}

/** Called with messages about slices, and by the schedule, which requests a verification. */
export async function handler(
  event: SQSEvent | Scheduled,
  context: Context,
): Promise<SQSBatchResponse | undefined> {
  if ('Records' in event) return onMessages(event, context);
  const given = await openInvocation(context);
  await measure(given, async () => {
    await requestVerification(given);
    return {};
  });
  return undefined;
}
