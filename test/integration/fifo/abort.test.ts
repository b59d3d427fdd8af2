import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { type FifoDirection, fedName } from '../../../database/copy/fifo-programs.ts';
import { openSession } from '../../../database/session/session.ts';
import { feedFifo, readFifo } from '../../../segment-shipper/fifo/fifo.ts';
import {
  arrived,
  type Copy,
  catOpens,
  descriptorsInto,
  type FifoServer,
  freshFolder,
  freshPath,
  makeFifos,
  partsOf,
  programGone,
  programOf,
  soon,
  startCopy,
  startFifoServer,
  waitSoonFor,
} from './fifo.ts';

let server: FifoServer;
const what = { in: 'public.loaded', out: '(SELECT generate_series(1, 1000000000))' } as const;

beforeAll(async () => {
  server = await startFifoServer();
  await server.psql('CREATE TABLE loaded (i bigint)');
});
afterAll(() => server?.stop());

/** An interruption, and how to see that a promise heeds it, and waits for nothing else. */
function interruption() {
  const stop = new AbortController();
  const reason = new StowageError('interrupted', 'ended on request');
  const heeds = async (promise: Promise<unknown>) => {
    promise.catch(() => undefined);
    stop.abort(reason);
    await expect(soon(promise)).rejects.toBe(reason);
  };
  return { signal: stop.signal, heeds };
}

async function coming(direction: FifoDirection, query: string = what[direction]) {
  const folder = await freshFolder(server);
  const copy = await startCopy(server, direction, query, folder.path);
  return { folder: folder.path, copy, path: await arrived(folder.path, direction) };
}

async function copyFails({ copy, folder }: { copy: Copy; folder: string }): Promise<void> {
  await expect(soon(copy.rows)).rejects.toMatchObject({ code: 'database/failed' });
  await programGone(copy);
  expect(await descriptorsInto(folder)).toEqual([]);
  expect(await server.psql('SELECT count(*) FROM loaded')).toBe('0');
}

async function* endless(): AsyncGenerator<Buffer> {
  for (;;) yield Buffer.from('1\n'.repeat(10_000));
}

/**
 * Tells when the first rows are through: from then on the program has the FIFO open too. One that comes to open it only when
 * the shipper is gone again would wait there for as long as this process, whose folder it is, lives.
 */
function watched() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const through = async function* (rows: AsyncIterable<Buffer>) {
    for await (const chunk of rows) {
      yield chunk;
      resolve();
    }
  };
  return { through, resolve, flowing: (met: Promise<unknown>) => Promise.race([promise, met]) };
}

/** Until the program's `cat` has its FIFO open, in which no row is yet. */
async function catWrites(copy: Copy): Promise<void> {
  await waitSoonFor('cat to run', async () =>
    (await programOf(copy)).some(({ command }) => command === 'cat') ? true : undefined,
  );
}

/** A FIFO that no program has open. */
async function lonelyFifo(direction: FifoDirection): Promise<string> {
  const path = join(await freshPath(), '..', `1.${direction}`);
  makeFifos(path);
  return path;
}

describe('a shipper that feeds is interrupted', () => {
  it('while it waits to open', async () => {
    const { signal, heeds } = interruption();
    const path = await lonelyFifo('in');
    const feeding = feedFifo(path, endless(), signal);
    await sleep(100);
    await heeds(feeding);
    expect(await descriptorsInto(path)).toEqual([]);
  });

  it('before it began, and then never opens', async () => {
    const { signal, heeds } = interruption();
    const meet = await coming('in');
    await heeds(
      Promise.reject(new Error('not yet')).catch(() => feedFifo(meet.path, endless(), signal)),
    );
    const cat = await partsOf(meet.copy);
    process.kill(cat.cat, 'SIGKILL');
    await copyFails(meet);
  });

  it('in the very moment of opening', async () => {
    const { signal, heeds } = interruption();
    const meet = await coming('in');
    await catOpens(meet.copy);
    // Opening takes a turn of the event loop at least, and this is the one before.
    await heeds(feedFifo(meet.path, endless(), signal));
    await copyFails(meet);
  });

  it('while it writes', async () => {
    const { signal, heeds } = interruption();
    const meet = await coming('in');
    const { through, flowing } = watched();
    const feeding = feedFifo(meet.path, through(endless()), signal);
    await flowing(feeding);
    await heeds(feeding);
    await copyFails(meet);
  });

  it('while the program takes nothing', async () => {
    const { signal, heeds } = interruption();
    const meet = await coming('in');
    const { cat } = await partsOf(meet.copy);
    const { through, flowing } = watched();
    const feeding = feedFifo(meet.path, through(endless()), signal);
    await flowing(feeding);
    process.kill(cat, 'SIGSTOP');
    await sleep(200);
    await heeds(feeding);
    process.kill(cat, 'SIGCONT');
    await copyFails(meet);
  });

  it('while its source stands still: the COPY ends without it', async () => {
    const { signal, heeds } = interruption();
    const meet = await coming('in');
    const { resolve, flowing } = watched();
    const source = async function* () {
      yield Buffer.from('1\n');
      resolve();
      await once(signal, 'abort');
      // Of a source that takes its time to see it, longer than the COPY does to end.
      await copyFails(meet);
      signal.throwIfAborted();
    };
    const feeding = feedFifo(meet.path, source(), signal);
    await flowing(feeding);
    await heeds(feeding);
  });

  it('while it waits for the program’s last word', async () => {
    const { signal, heeds } = interruption();
    const meet = await coming('in');
    const { shell } = await partsOf(meet.copy);
    process.kill(shell, 'SIGSTOP');
    const source = async function* () {
      yield Buffer.from('1\n');
    };
    const feeding = feedFifo(meet.path, source(), signal);
    feeding.catch(() => undefined);
    await waitSoonFor('the shipper to wait', () =>
      existsSync(fedName(meet.path)) ? true : undefined,
    );
    await heeds(feeding);
    process.kill(shell, 'SIGKILL');
    await copyFails(meet);
  });
});

describe('a shipper that reads is interrupted', () => {
  it('while it waits for a writer', async () => {
    const { signal, heeds } = interruption();
    const path = await lonelyFifo('out');
    const reading = Array.fromAsync(readFifo(path, signal));
    await sleep(100);
    await heeds(reading);
    expect(await descriptorsInto(path)).toEqual([]);
  });

  it('while the server has no rows yet', async () => {
    const { signal, heeds } = interruption();
    const holder = await openSession(server.target(), {
      purpose: 'restore',
      applicationName: 'holder',
    });
    try {
      await holder.query('SELECT pg_advisory_lock(1)');
      const meet = await coming('out', '(SELECT pg_advisory_lock_shared(1))');
      const reading = Array.fromAsync(readFifo(meet.path, signal));
      reading.catch(() => undefined);
      await catWrites(meet.copy);
      await heeds(reading);
      await holder.query('SELECT pg_advisory_unlock(1)');
      await copyFails(meet);
    } finally {
      await holder.destroy();
    }
  });

  it('while rows flow', async () => {
    const { signal, heeds } = interruption();
    const meet = await coming('out');
    const { resolve, flowing } = watched();
    const reading = (async () => {
      for await (const chunk of readFifo(meet.path, signal)) if (chunk.byteLength > 0) resolve();
    })();
    await flowing(reading);
    await heeds(reading);
    await copyFails(meet);
  });

  it('while it does something with the rows', async () => {
    const { signal, heeds } = interruption();
    const meet = await coming('out');
    const { resolve, flowing } = watched();
    const reading = (async () => {
      for await (const _ of readFifo(meet.path, signal)) {
        resolve();
        await sleep(500);
      }
    })();
    await flowing(reading);
    await heeds(reading);
    await copyFails(meet);
  });

  it('while it waits for the program’s last word', async () => {
    const { signal, heeds } = interruption();
    const meet = await coming('out', '(SELECT 1)');
    const { shell, cat } = await partsOf(meet.copy);
    process.kill(shell, 'SIGSTOP');
    const reading = Array.fromAsync(readFifo(meet.path, signal));
    reading.catch(() => undefined);
    await waitSoonFor('cat to end', async () =>
      (await programOf(meet.copy)).some(({ pid }) => pid === cat) ? undefined : true,
    );
    await heeds(reading);
    process.kill(shell, 'SIGKILL');
    await copyFails(meet);
  });
});
