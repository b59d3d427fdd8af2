import { expect, test } from 'vitest';
import type { ClusterContext } from '../../context.ts';
import type { HeldKeys } from '../held.ts';
import { noteUnprovenOrders } from './unproven-orders.ts';

const hello = { type: 'hello', control: 2, pid: 1, tool: 'stowage/0.9.0' } as const;
const place = { content: 3, host: 'db3' };

/** The events of a restore whose shipper says this. */
function said(report: typeof hello & { provesOrders?: true }, isEncrypted = true) {
  const keys = isEncrypted ? ({} as HeldKeys) : undefined;
  const events: unknown[][] = [];
  const output = { note: (...given: unknown[]) => void events.push(given.slice(0, 2)) };
  noteUnprovenOrders({ keys, output } as unknown as ClusterContext, place, report);
  return events;
}

test('a restore of an encrypted set names a shipper that does not compare its orders', () => {
  expect(said(hello)).toEqual([['orders-unproven', { ...place, tool: hello.tool }]]);
  expect(said({ ...hello, provesOrders: true })).toEqual([]);
  expect(said(hello, false)).toEqual([]);
});
