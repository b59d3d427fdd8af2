import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import { TIMESTAMP } from '../../backup-set/testing/builders.ts';
import type { Deps } from '../deps.ts';
import { ORDERS_IN_FLIGHT, orderMaker } from './make-orders.ts';

test('of many orders that are asked for at once, also of empty tables, a few are in memory', async () => {
  const contents = Array.from({ length: 50 }, (_, content) => content);
  const manifest = {
    timestamp: TIMESTAMP,
    contents: contents.map((content) => ({
      ...{ content, totals: { extents: 0 } },
      part: { sha256: '0'.repeat(64), bytes: 100 },
    })),
  } as unknown as Manifest;
  let [reading, most] = [0, 0];
  const store = {
    async read() {
      most = Math.max(most, ++reading);
      await setImmediate();
      reading--;
      throw new StowageError('storage/not-found', 'no such part');
    },
  };
  const make = orderMaker({ store, log: pino({ level: 'silent' }) } as unknown as Deps, manifest);
  const unused = () => {
    throw new Error('the order has no part');
  };
  const made = await Promise.all(
    contents.map((content) =>
      make({ content, needs: [content], take: unused, finish: unused }, unused),
    ),
  );
  expect(made.filter(({ ok }) => ok)).toEqual([]);
  expect(most).toBe(ORDERS_IN_FLIGHT);
});
