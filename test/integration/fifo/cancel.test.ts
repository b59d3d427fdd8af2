import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FifoDirection } from '../../../database/copy/fifo-programs.ts';
import {
  childShipper,
  type FifoServer,
  freshPath,
  type Manner,
  partsOf,
  programGone,
  programOf,
  soon,
  startCopy,
  startFifoServer,
  waitSoonFor,
} from './fifo.ts';

let server: FifoServer;

beforeAll(async () => {
  server = await startFifoServer();
  await server.psql('CREATE TABLE loaded (i bigint)');
});
afterAll(() => server?.stop());

const ENDLESS = '(SELECT generate_series(1, 1000000000))';
const what = { in: 'public.loaded', out: ENDLESS } as const;
const orders = ['pg_cancel_backend', 'pg_terminate_backend'] as const;
const manners: Manner[] = ['never', 'stalled', 'endless'];
const cases = (['in', 'out'] as FifoDirection[]).flatMap((direction) =>
  manners.flatMap((manner) => orders.map((order) => ({ direction, manner, order }))),
);

describe('the server, told to stop', () => {
  it.each(cases)(
    'by $order ends COPY $direction soon, with a shipper that is $manner',
    async ({ direction, manner, order }) => {
      const shipper = await childShipper(server, manner);
      const copy = await startCopy(server, direction, what[direction], shipper.path);
      await partsOf(copy);
      if (manner !== 'never') await shipper.said('flowing');
      await server.psql(`SELECT ${order}(${copy.backend})`);
      await expect(soon(copy.rows)).rejects.toMatchObject({
        code: expect.stringMatching(/^database\//),
      });
      await programGone(copy);
      expect(await server.psql('SELECT count(*) FROM loaded')).toBe('0');
    },
  );

  it.each(orders)('by %s ends a program that waits for its shipper', async (order) => {
    const copy = await startCopy(server, 'in', 'public.loaded', await freshPath());
    await waitSoonFor('the program to run', async () =>
      (await programOf(copy)).length > 0 ? true : undefined,
    );
    await server.psql(`SELECT ${order}(${copy.backend})`);
    await expect(soon(copy.rows)).rejects.toThrow();
    await programGone(copy);
  });
});
