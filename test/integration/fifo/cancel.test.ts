import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FifoDirection } from '../../../database/copy/fifo-programs.ts';
import { withRepeats } from '../../support/repeats/repeats.ts';
import {
  type Behaviour,
  childShipper,
  type FifoServer,
  freshPath,
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
const functions = ['pg_cancel_backend', 'pg_terminate_backend'] as const;
const behaviours: Behaviour[] = ['never', 'stalled', 'endless'];
const cases = (['in', 'out'] as FifoDirection[]).flatMap((direction) =>
  behaviours.flatMap((behaviour) =>
    withRepeats<(typeof functions)[number]>(['pg_terminate_backend'], ['pg_cancel_backend']).map(
      (name) => ({ direction, behaviour, name }),
    ),
  ),
);

describe('a COPY that is stopped', () => {
  it.each(cases)(
    'by $name ends at once: COPY $direction with the shipper $behaviour',
    async ({ direction, behaviour, name }) => {
      const shipper = await childShipper(server, behaviour);
      const copy = await startCopy(server, direction, what[direction], shipper.path);
      await partsOf(copy);
      if (behaviour !== 'never') await shipper.printed('flowing');
      await server.psql(`SELECT ${name}(${copy.backend})`);
      await expect(soon(copy.rows)).rejects.toMatchObject({
        code: expect.stringMatching(/^database\//),
      });
      await programGone(copy);
      expect(await server.psql('SELECT count(*) FROM loaded')).toBe('0');
    },
  );

  it.each(functions)('by %s ends its program, which waits for a shipper', async (name) => {
    const copy = await startCopy(server, 'in', 'public.loaded', await freshPath());
    await waitSoonFor('the program to run', async () =>
      (await programOf(copy)).length > 0 ? true : undefined,
    );
    await server.psql(`SELECT ${name}(${copy.backend})`);
    await expect(soon(copy.rows)).rejects.toThrow();
    await programGone(copy);
  });
});
