import type { Context } from 'aws-lambda';
import { StowageError } from '../../backup-set/base/errors.ts';
import { dateOf } from '../../backup-set/base/timestamps.ts';
import { plural } from '../../backup-set/base/words.ts';
import { ordersNotTaken } from '../schedule/runs.ts';
import type { SetStatus, SweepReport } from '../sweep/report.ts';
import { sweep } from '../sweep/sweep.ts';
import { openInvocation } from './environment.ts';
import { measure } from './measure.ts';
import type { Values } from './metrics.ts';

const HOUR_MS = 3_600_000;
/** Sets and restores remembered as closed while Lambda keeps the process. */
const CLOSED_MAX = 100_000;

const closed = new Map<string, SetStatus | 'over'>();

/** Called on a schedule. Fails when a set could not be swept, so that the error alarm fires. */
export async function handler(_event: unknown, context: Context): Promise<SweepReport> {
  const given = await openInvocation(context);
  let report: SweepReport | undefined;
  await measure(given, async () => {
    if (closed.size > CLOSED_MAX) closed.clear();
    report = await sweep(given, { closed });
    return {
      ...valuesOf(report, given.clock()),
      OrdersNotTaken: await ordersNotTaken(given),
    };
  });
  if (report === undefined) throw new StowageError('internal', 'the sweep returned no report');
  // A restore that waits for a segment is reported, but does not fail the sweep.
  const [first] = report.problems.filter(({ failed }) => failed);
  if (first === undefined) return report;
  throw new StowageError(
    'storage/unavailable',
    `the sweep had ${plural(report.problems.length, 'problem')}, first: ${first.message}`,
    first.set === undefined ? {} : { where: { set: first.set } },
  );
}

function valuesOf({ committed, overdue, newestComplete }: SweepReport, now: Date): Values {
  const hours =
    newestComplete === undefined
      ? undefined
      : (now.getTime() - dateOf(newestComplete).getTime()) / HOUR_MS;
  return {
    SetsCommitted: committed.length,
    SetsOverdue: overdue.length,
    ...(hours === undefined ? {} : { HoursSinceCompleteSet: hours }),
  };
}
