import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FifoDirection } from '../../../database/copy/fifo-programs.ts';
import {
  type Behaviour,
  type ChildShipper,
  type Copy,
  childShipper,
  cleanupProcessOf,
  type FifoServer,
  freshPath,
  gone,
  partsOf,
  programGone,
  soon,
  startCopy,
  startFifoServer,
} from './fifo.ts';

let server: FifoServer;
const what = { in: 'public.loaded', out: '(SELECT generate_series(1, 1000000000))' } as const;

beforeAll(async () => {
  server = await startFifoServer();
  await server.psql('CREATE TABLE loaded (i bigint)');
});
afterAll(() => server?.stop());

const cases = (['in', 'out'] as FifoDirection[]).flatMap((direction) =>
  (['never', 'stalled', 'endless'] as Behaviour[]).map((behaviour) => ({ direction, behaviour })),
);

async function exchange(direction: FifoDirection, behaviour: Behaviour) {
  const shipper = await childShipper(server, behaviour);
  const copy = await startCopy(server, direction, what[direction], shipper.path);
  await partsOf(copy);
  if (behaviour !== 'never') await shipper.printed('flowing');
  return { shipper, copy };
}

async function copyFails(copy: Copy): Promise<void> {
  await expect(soon(copy.rows)).rejects.toMatchObject({ code: 'database/failed' });
  await programGone(copy);
  expect(await server.psql('SELECT count(*) FROM loaded')).toBe('0');
}

describe.each(cases)('COPY $direction with the shipper $behaviour', ({ direction, behaviour }) => {
  it('fails at once when the shipper is killed, and the folder is deleted', async () => {
    const { shipper, copy } = await exchange(direction, behaviour);
    shipper.child.kill('SIGKILL');
    await copyFails(copy);
    await gone(shipper.path);
  });

  it('fails at once when the shipper and its cleanup process are killed', async () => {
    const { shipper, copy } = await exchange(direction, behaviour);
    await killBoth(shipper);
    await copyFails(copy);
    expect(existsSync(shipper.path)).toBe(true);
  });
});

describe('a program', () => {
  it('ends after its timeout when there is no shipper', async () => {
    const folder = await freshPath();
    const since = Date.now();
    const copy = await startCopy(server, 'in', what.in, folder, { patienceMs: 700 });
    await copyFails(copy);
    expect(Date.now() - since).toBeGreaterThan(600);
  });

  it('is served when it starts before its shipper', async () => {
    const early = await childShipper(server, 'stalled', {
      before: (path) => startCopy(server, 'in', what.in, path),
    });
    await early.printed('flowing');
    early.child.kill('SIGKILL');
    if (early.copyBefore === undefined) throw new Error('no COPY was started');
    await copyFails(early.copyBefore);
  });

  it('that starts after the shipper was killed ends after its timeout', async () => {
    const shipper = await childShipper(server, 'endless');
    shipper.child.kill('SIGKILL');
    await gone(shipper.path);
    await copyFails(await startCopy(server, 'in', what.in, shipper.path, { patienceMs: 500 }));
  });

  it('that starts after shipper and cleanup process were killed fails at once', async () => {
    const shipper = await childShipper(server, 'endless');
    await killBoth(shipper);
    await sleep(100);
    await copyFails(await startCopy(server, 'out', what.out, shipper.path));
  });
});

async function killBoth({ child, path }: ChildShipper): Promise<void> {
  process.kill(await cleanupProcessOf(path), 'SIGKILL');
  child.kill('SIGKILL');
}
