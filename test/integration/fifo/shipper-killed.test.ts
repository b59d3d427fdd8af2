import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FifoDirection } from '../../../database/copy/fifo-programs.ts';
import {
  type ChildShipper,
  type Copy,
  childShipper,
  type FifoServer,
  freshPath,
  gone,
  type Manner,
  partsOf,
  programGone,
  soon,
  startCopy,
  startFifoServer,
  undertakerOf,
} from './fifo.ts';

let server: FifoServer;
const what = { in: 'public.loaded', out: '(SELECT generate_series(1, 1000000000))' } as const;

beforeAll(async () => {
  server = await startFifoServer();
  await server.psql('CREATE TABLE loaded (i bigint)');
});
afterAll(() => server?.stop());

const cases = (['in', 'out'] as FifoDirection[]).flatMap((direction) =>
  (['never', 'stalled', 'endless'] as Manner[]).map((manner) => ({ direction, manner })),
);

async function meeting(direction: FifoDirection, manner: Manner) {
  const shipper = await childShipper(server, manner);
  const copy = await startCopy(server, direction, what[direction], shipper.path);
  await partsOf(copy);
  if (manner !== 'never') await shipper.said('flowing');
  return { shipper, copy };
}

async function copyFails(copy: Copy): Promise<void> {
  await expect(soon(copy.rows)).rejects.toMatchObject({ code: 'database/failed' });
  await programGone(copy);
  expect(await server.psql('SELECT count(*) FROM loaded')).toBe('0');
}

describe.each(cases)('COPY $direction with a shipper that is $manner', ({ direction, manner }) => {
  it('fails soon when the shipper is killed; its folder goes', async () => {
    const { shipper, copy } = await meeting(direction, manner);
    shipper.child.kill('SIGKILL');
    await copyFails(copy);
    await gone(shipper.path);
  });

  it('fails soon when the undertaker is killed too', async () => {
    const { shipper, copy } = await meeting(direction, manner);
    await killBoth(shipper);
    await copyFails(copy);
    expect(existsSync(shipper.path)).toBe(true);
  });
});

describe('a program that comes', () => {
  it('when no shipper does gives up', async () => {
    const folder = await freshPath();
    const since = Date.now();
    const copy = await startCopy(server, 'in', what.in, folder, { patienceMs: 700 });
    await copyFails(copy);
    expect(Date.now() - since).toBeGreaterThan(600);
  });

  it('before the shipper waits for it', async () => {
    const early = await childShipper(server, 'stalled', {
      before: (path) => startCopy(server, 'in', what.in, path),
    });
    await early.said('flowing');
    early.child.kill('SIGKILL');
    if (early.came === undefined) throw new Error('no COPY was started');
    await copyFails(early.came);
  });

  it('after the shipper was killed finds nobody', async () => {
    const shipper = await childShipper(server, 'endless');
    shipper.child.kill('SIGKILL');
    await gone(shipper.path);
    await copyFails(await startCopy(server, 'in', what.in, shipper.path, { patienceMs: 500 }));
  });

  it('after shipper and undertaker were killed sees that the shipper is gone, at once', async () => {
    const shipper = await childShipper(server, 'endless');
    await killBoth(shipper);
    await sleep(100);
    await copyFails(await startCopy(server, 'out', what.out, shipper.path));
  });
});

async function killBoth({ child, path }: ChildShipper): Promise<void> {
  process.kill(await undertakerOf(path), 'SIGKILL');
  child.kill('SIGKILL');
}
