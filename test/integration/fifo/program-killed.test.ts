import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { doneName, type FifoDirection } from '../../../database/copy/fifo-programs.ts';
import { feedFifo, readFifo } from '../../../segment-shipper/fifo/fifo.ts';
import { repeated } from '../../support/repeats/repeated.ts';
import {
  arrived,
  type Copy,
  descriptorsInto,
  type FifoServer,
  freshFolder,
  partsOf,
  programGone,
  programOf,
  soon,
  startCopy,
  startFifoServer,
  waitSoonFor,
} from './fifo.ts';

let server: FifoServer;
const never = new AbortController().signal;
/** For a program that lives: on a busy machine it may take seconds to start. */
const LONG = { openingMs: 18_000, endingMs: 18_000 };
/** For a program that is killed after it has opened its FIFO: its done file never appears. */
const KILLED = { ...LONG, endingMs: 1_000 };
/** For a program that is dead before the shipper opens the FIFO. */
const DEAD = { openingMs: 1_000, endingMs: 1_000 };
const what = { in: 'public.loaded', out: '(SELECT generate_series(1, 1000000000))' } as const;
const programLost = { code: 'shipper/fifo' };

beforeAll(async () => {
  server = await startFifoServer();
  await server.psql('CREATE TABLE loaded (i bigint)');
});
afterAll(() => server?.stop());
beforeEach(() => server.psql('TRUNCATE loaded'));

/** A shipper that stalls after its first rows until `release`, then continues or ends. */
async function exchange(direction: FifoDirection, timeouts = KILLED) {
  const folder = await freshFolder(server);
  const copy = await startCopy(server, direction, what[direction], folder.path);
  const path = await arrived(folder.path, direction);
  const flowing = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<'continue' | 'end'>();
  const feed = async function* () {
    yield Buffer.from('1\n');
    flowing.resolve();
    if ((await gate.promise) === 'end') return;
    for (;;) {
      yield Buffer.from('2\n'.repeat(1_000));
      await sleep(1);
    }
  };
  const read = async () => {
    for await (const _ of readFifo(path, never, timeouts)) {
      flowing.resolve();
      await gate.promise;
    }
  };
  const shipping = direction === 'in' ? feedFifo(path, feed(), never, timeouts) : read();
  shipping.catch(() => undefined);
  await flowing.promise;
  return { copy, path, folder: folder.path, shipping, release: gate.resolve };
}

const victims: Record<string, (copy: Copy) => Promise<number[]>> = {
  'its shell': async (copy) => [(await partsOf(copy)).shell],
  'its cat': async (copy) => [(await partsOf(copy)).cat],
  'all of it': async (copy) => (await programOf(copy)).map(({ pid }) => pid),
};
const cases = (['in', 'out'] as FifoDirection[]).flatMap((direction) =>
  Object.keys(victims).map((victim) => ({ direction, victim })),
);

async function killVictim(victim: string, copy: Copy): Promise<void> {
  await partsOf(copy);
  for (const pid of (await victims[victim]?.(copy)) ?? []) kill(pid);
}

/** ESRCH: the watch's `sleep` may have ended, or a process may have ended with another one. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function nothingLeft({ copy, folder, path }: { copy: Copy; folder: string; path: string }) {
  await programGone(copy);
  expect(existsSync(doneName(path))).toBe(false);
  expect(await descriptorsInto(folder)).toEqual([]);
  expect(await server.psql('SELECT count(*) FROM loaded')).toBe('0');
}

describe.each(cases)('COPY $direction whose program loses $victim', ({ direction, victim }) => {
  it('fails at once, and so does its shipper, while rows flow', async () => {
    const started = await exchange(direction);
    started.release('continue');
    await killVictim(victim, started.copy);
    await expect(soon(started.copy.rows)).rejects.toMatchObject({ code: 'database/failed' });
    await expect(soon(started.shipping)).rejects.toMatchObject(programLost);
    await nothingLeft(started);
  });

  repeated('fails at once while its shipper is stalled', async () => {
    const started = await exchange(direction);
    await killVictim(victim, started.copy);
    await expect(soon(started.copy.rows)).rejects.toMatchObject({ code: 'database/failed' });
    started.release('continue');
    await expect(soon(started.shipping)).rejects.toMatchObject(programLost);
    await nothingLeft(started);
  });

  it('before the shipper opens the FIFO fails at once, and the shipper after its timeout', async () => {
    const folder = await freshFolder(server);
    const copy = await startCopy(server, direction, what[direction], folder.path);
    const path = await arrived(folder.path, direction);
    await killVictim(victim, copy);
    await expect(soon(copy.rows)).rejects.toMatchObject({ code: 'database/failed' });
    const shipping: Promise<unknown> =
      direction === 'in'
        ? feedFifo(path, oneRow(), never, DEAD)
        : Array.fromAsync(readFifo(path, never, DEAD));
    await expect(soon(shipping)).rejects.toMatchObject(programLost);
    await nothingLeft({ copy, folder: folder.path, path });
  });
});

describe('a program', () => {
  it('whose shell is killed right before the end fails', async () => {
    const started = await exchange('in');
    await killVictim('its shell', started.copy);
    started.release('end');
    await expect(soon(started.copy.rows)).rejects.toMatchObject({ code: 'database/failed' });
    await expect(soon(started.shipping)).rejects.toMatchObject(programLost);
    await nothingLeft(started);
  });

  it('completes without its watch', async () => {
    const started = await exchange('in', LONG);
    process.kill((await partsOf(started.copy)).watch, 'SIGKILL');
    started.release('end');
    await soon(started.shipping);
    expect(await soon(started.copy.rows)).toBe(1);
    await programGone(started.copy);
  });

  it('is waited for while the server is stalled', async () => {
    const folder = await freshFolder(server);
    const copy = await startCopy(server, 'in', what.in, folder.path);
    const path = await arrived(folder.path, 'in');
    await partsOf(copy);
    process.kill(copy.backend, 'SIGSTOP');
    // Longer than the shipper's endingMs, which is long enough for a done file on a busy machine.
    const going = sleep(5_000).then(() => process.kill(copy.backend, 'SIGCONT'));
    // More than the pipe to the server holds, less than all buffers together.
    await feedFifo(path, manyRows(60_000), never, { ...LONG, endingMs: 2_000 });
    await going;
    expect(await soon(copy.rows)).toBe(60_000);
  });
});

describe('a shipper', () => {
  it('whose source fails half-way throws its error, and the COPY is rolled back', async () => {
    const folder = await freshFolder(server);
    const copy = await startCopy(server, 'in', what.in, folder.path);
    const wrong = new Error('the object is damaged');
    const source = async function* () {
      yield Buffer.from('1\n'.repeat(100_000));
      throw wrong;
    };
    await expect(feedFifo(await arrived(folder.path, 'in'), source(), never)).rejects.toBe(wrong);
    await expect(soon(copy.rows)).rejects.toMatchObject({ code: 'database/failed' });
    await programGone(copy);
    expect(await server.psql('SELECT count(*) FROM loaded')).toBe('0');
    expect(await descriptorsInto(folder.path)).toEqual([]);
  });

  it('that stops reading half-way fails the COPY', async () => {
    const folder = await freshFolder(server);
    const copy = await startCopy(server, 'out', what.out, folder.path);
    for await (const _ of readFifo(await arrived(folder.path, 'out'), never)) break;
    await expect(soon(copy.rows)).rejects.toMatchObject({ code: 'database/failed' });
    await programGone(copy);
    expect(await descriptorsInto(folder.path)).toEqual([]);
  });

  it('fails when the server rejects a row, and the COPY names the row', async () => {
    const folder = await freshFolder(server);
    const copy = await startCopy(server, 'in', what.in, folder.path);
    const source = async function* () {
      yield Buffer.from('1\nno number\n');
      for (;;) {
        yield Buffer.from('2\n'.repeat(1_000));
        await sleep(1);
      }
    };
    const shipping = feedFifo(await arrived(folder.path, 'in'), source(), never, LONG);
    await expect(soon(shipping)).rejects.toMatchObject(programLost);
    await expect(soon(copy.rows)).rejects.toThrow('no number');
    await programGone(copy);
  });

  it('does not see that the server failed half-way: only the COPY fails', async () => {
    const folder = await freshFolder(server);
    const copy = await startCopy(
      server,
      'out',
      '(SELECT 1 / (50000 - g) FROM generate_series(1, 60000) AS g)',
      folder.path,
    );
    const read = Array.fromAsync(readFifo(await arrived(folder.path, 'out'), never, LONG));
    await expect(soon(copy.rows)).rejects.toThrow('division by zero');
    await soon(read);
    await programGone(copy);
  });
});

describe.each(['in', 'out'] as const)(
  'COPY %s whose whole process group is killed',
  (direction) => {
    it('fails with its backend and its shipper, and the server restarts', async () => {
      const started = await exchange(direction);
      await partsOf(started.copy);
      process.kill(-started.copy.backend, 'SIGKILL');
      await expect(soon(started.copy.rows)).rejects.toMatchObject({
        code: expect.stringMatching(/^database\//),
      });
      started.release('continue');
      await expect(soon(started.shipping)).rejects.toMatchObject(programLost);
      await waitSoonFor(
        'the server to restart',
        () => server.psql('SELECT 1').catch(() => undefined),
        30_000,
      );
      await nothingLeft(started);
    });
  },
);

async function* oneRow(): AsyncGenerator<Buffer> {
  yield Buffer.from('1\n');
}

async function* manyRows(count: number): AsyncGenerator<Buffer> {
  yield Buffer.from('7\n'.repeat(count));
}
