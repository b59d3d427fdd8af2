import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { doneName, type FifoDirection } from '../../../database/copy/fifo-programs.ts';
import { feedFifo, readFifo } from '../../../segment-shipper/fifo/fifo.ts';
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
/** Of a shipper whose program lives: a busy machine may take seconds to bring it there. */
const PATIENT = { openingMs: 18_000, endingMs: 18_000 };
/** Where the program is killed after the shipper has met it, so that its last word never comes. */
const ENDED = { ...PATIENT, endingMs: 1_000 };
/** Where the program is dead before the shipper comes. */
const DEAD = { openingMs: 1_000, endingMs: 1_000 };
const what = { in: 'public.loaded', out: '(SELECT generate_series(1, 1000000000))' } as const;
const lost = { code: 'shipper/fifo' };

beforeAll(async () => {
  server = await startFifoServer();
  await server.psql('CREATE TABLE loaded (i bigint)');
});
afterAll(() => server?.stop());
beforeEach(() => server.psql('TRUNCATE loaded'));

/** A shipper's side of one FIFO that stands still after its first rows until `release`, then goes on or comes to its end. */
async function meeting(direction: FifoDirection, patience = ENDED) {
  const folder = await freshFolder(server);
  const copy = await startCopy(server, direction, what[direction], folder.path);
  const path = await arrived(folder.path, direction);
  const flowing = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<'go on' | 'end'>();
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
    for await (const _ of readFifo(path, never, patience)) {
      flowing.resolve();
      await gate.promise;
    }
  };
  const met = direction === 'in' ? feedFifo(path, feed(), never, patience) : read();
  met.catch(() => undefined);
  await flowing.promise;
  return { copy, path, folder: folder.path, met, release: gate.resolve };
}

const victims: Record<string, (copy: Copy) => Promise<number[]>> = {
  'its shell': async (copy) => [(await partsOf(copy)).shell],
  'its cat': async (copy) => [(await partsOf(copy)).cat],
  'all of it': async (copy) => (await programOf(copy)).map(({ pid }) => pid),
};
const cases = (['in', 'out'] as FifoDirection[]).flatMap((direction) =>
  Object.keys(victims).map((victim) => ({ direction, victim })),
);

async function strike(victim: string, copy: Copy): Promise<void> {
  await partsOf(copy);
  for (const pid of (await victims[victim]?.(copy)) ?? []) kill(pid);
}

/** What the watch sleeps in comes and goes, and whom we strike first takes others along. */
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
  it('fails soon, and so does the shipper, amid the rows', async () => {
    const meet = await meeting(direction);
    meet.release('go on');
    await strike(victim, meet.copy);
    await expect(soon(meet.copy.rows)).rejects.toMatchObject({ code: 'database/failed' });
    await expect(soon(meet.met)).rejects.toMatchObject(lost);
    await nothingLeft(meet);
  });

  it('does not wait for a shipper that stands still', async () => {
    const meet = await meeting(direction);
    await strike(victim, meet.copy);
    await expect(soon(meet.copy.rows)).rejects.toMatchObject({ code: 'database/failed' });
    meet.release('go on');
    await expect(soon(meet.met)).rejects.toMatchObject(lost);
    await nothingLeft(meet);
  });

  it('before the shipper came fails, and the shipper does not wait for ever', async () => {
    const folder = await freshFolder(server);
    const copy = await startCopy(server, direction, what[direction], folder.path);
    const path = await arrived(folder.path, direction);
    await strike(victim, copy);
    await expect(soon(copy.rows)).rejects.toMatchObject({ code: 'database/failed' });
    const met: Promise<unknown> =
      direction === 'in'
        ? feedFifo(path, oneRow(), never, DEAD)
        : Array.fromAsync(readFifo(path, never, DEAD));
    await expect(soon(met)).rejects.toMatchObject(lost);
    await nothingLeft({ copy, folder: folder.path, path });
  });
});

describe('a program', () => {
  it('that loses its shell right before the end has not done its work', async () => {
    const meet = await meeting('in');
    await strike('its shell', meet.copy);
    meet.release('end');
    await expect(soon(meet.copy.rows)).rejects.toMatchObject({ code: 'database/failed' });
    await expect(soon(meet.met)).rejects.toMatchObject(lost);
    await nothingLeft(meet);
  });

  it('does its work also without its watch', async () => {
    const meet = await meeting('in', PATIENT);
    process.kill((await partsOf(meet.copy)).watch, 'SIGKILL');
    meet.release('end');
    await soon(meet.met);
    expect(await soon(meet.copy.rows)).toBe(1);
    await programGone(meet.copy);
  });

  it('is waited for while the server stands still', async () => {
    const folder = await freshFolder(server);
    const copy = await startCopy(server, 'in', what.in, folder.path);
    const path = await arrived(folder.path, 'in');
    await partsOf(copy);
    process.kill(copy.backend, 'SIGSTOP');
    // Longer than the shipper's patience, which is long enough for a busy machine to say the last word in.
    const going = sleep(5_000).then(() => process.kill(copy.backend, 'SIGCONT'));
    // More than the pipe to the server holds, less than all buffers on the way.
    await feedFifo(path, manyRows(60_000), never, { ...PATIENT, endingMs: 2_000 });
    await going;
    expect(await soon(copy.rows)).toBe(60_000);
  });
});

describe('a shipper', () => {
  it('whose source fails half-way keeps its error, and the COPY is rolled back', async () => {
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

  it('learns that the server refused a row, which names it', async () => {
    const folder = await freshFolder(server);
    const copy = await startCopy(server, 'in', what.in, folder.path);
    const source = async function* () {
      yield Buffer.from('1\nno number\n');
      for (;;) {
        yield Buffer.from('2\n'.repeat(1_000));
        await sleep(1);
      }
    };
    const met = feedFifo(await arrived(folder.path, 'in'), source(), never, PATIENT);
    await expect(soon(met)).rejects.toMatchObject(lost);
    await expect(soon(copy.rows)).rejects.toThrow('no number');
    await programGone(copy);
  });

  it('cannot tell that the server failed half-way: only the COPY says so', async () => {
    const folder = await freshFolder(server);
    const copy = await startCopy(
      server,
      'out',
      '(SELECT 1 / (50000 - g) FROM generate_series(1, 60000) AS g)',
      folder.path,
    );
    const read = Array.fromAsync(readFifo(await arrived(folder.path, 'out'), never, PATIENT));
    await expect(soon(copy.rows)).rejects.toThrow('division by zero');
    await soon(read);
    await programGone(copy);
  });
});

describe.each(['in', 'out'] as const)(
  'COPY %s whose whole process group is killed',
  (direction) => {
    it('takes the backend with it; the server comes back, and the shipper says what it lost', async () => {
      const meet = await meeting(direction);
      await partsOf(meet.copy);
      process.kill(-meet.copy.backend, 'SIGKILL');
      await expect(soon(meet.copy.rows)).rejects.toMatchObject({
        code: expect.stringMatching(/^database\//),
      });
      meet.release('go on');
      await expect(soon(meet.met)).rejects.toMatchObject(lost);
      await waitSoonFor(
        'the server to come back',
        () => server.psql('SELECT 1').catch(() => undefined),
        30_000,
      );
      await nothingLeft(meet);
    });
  },
);

async function* oneRow(): AsyncGenerator<Buffer> {
  yield Buffer.from('1\n');
}

async function* manyRows(count: number): AsyncGenerator<Buffer> {
  yield Buffer.from('7\n'.repeat(count));
}
