import type { Context } from 'aws-lambda';
import * as z from 'zod';
import { StowageError } from '../../backup-set/base/errors.ts';
import { NAME_FORM } from '../../backup-set/base/keys/schedule-keys.ts';
import { TOOL } from '../../backup-set/base/tool.ts';
import { createOrder } from '../schedule/runs.ts';
import { openInvocation } from './environment.ts';
import { measure } from './measure.ts';

/** The input of the schedule in infra/aws/resources/run-schedule.yml. */
const Asked = z.strictObject({
  entry: z.string().regex(NAME_FORM, 'must have up to 40 lower-case letters, digits and dashes'),
  /** `<aws.scheduler.scheduled-time>`: the same in each attempt. */
  scheduledAt: z.iso.datetime({ offset: true }),
});

export interface OrderedRun {
  readonly entry: string;
  readonly scheduledAt: string;
  /** False: an earlier attempt has written the order. */
  readonly isNew: boolean;
}

/**
 * Called by EventBridge Scheduler: writes the order of a run. A backup needs connections to the
 * databases, so a runner on a host starts it (docs/design/0040-schedule.md).
 */
export async function handler(event: unknown, context: Context): Promise<OrderedRun> {
  const { entry, scheduledAt } = askedFrom(event);
  const instant = new Date(scheduledAt);
  const given = await openInvocation(context);
  let isNew = false;
  await measure(given, async (deps) => {
    isNew = await createOrder(deps, { entry, instant, by: `order-run of ${TOOL}` });
    deps.log.info({ entry, scheduledAt, isNew }, 'run ordered');
    return { RunsOrdered: isNew ? 1 : 0 };
  });
  return { entry, scheduledAt: instant.toISOString(), isNew };
}

/** @throws StowageError `config/invalid`: the input of the schedule is part of the deployment. */
function askedFrom(event: unknown): z.infer<typeof Asked> {
  const { success, data, error } = Asked.safeParse(event);
  if (success) return data;
  const [issue] = error.issues;
  throw new StowageError(
    'config/invalid',
    `the input of the schedule must be {"entry":"NAME","scheduledAt":"<aws.scheduler.scheduled-time>"}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`,
    { cause: error, where: { field: 'entry' } },
  );
}
