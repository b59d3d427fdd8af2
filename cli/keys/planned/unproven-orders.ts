import type { Report } from '../../../segment-shipper/protocol/control.ts';
import type { RestoreRun } from '../../restore/run.ts';

type Hello = Extract<Report, { type: 'hello' }>;

/** Says that a shipper of an earlier program carries out whatever order lies in the bucket. */
export function noteUnprovenOrders(
  { keys, output }: Pick<RestoreRun['context'], 'keys' | 'output'>,
  { content, host }: { readonly content: number; readonly host: string },
  { tool, provesOrders }: Hello,
): void {
  if (keys === undefined || provesOrders === true) return;
  output.note(
    'orders-unproven',
    { content, host, tool },
    `content ${content}: the shipper on ${host} is of an earlier version (${tool}), which does not compare its orders with the proven set. Install the same version on every host`,
  );
}
