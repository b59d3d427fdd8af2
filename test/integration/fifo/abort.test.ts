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

/** A signal, and a check that a promise rejects with its reason as soon as it fires. */
function abortable() {
  const stop = new AbortController();
  const reason = new StowageError('interrupted', 'ended on request');
  const rejectsOnAbort = async (promise: Promise<unknown>) => {
    promise.catch(() => undefined);
    stop.abort(reason);
    await expect(soon(promise)).rejects.toBe(reason);
  };
  return { signal: stop.signal, rejectsOnAbort };
}

async function startedCopy(direction: FifoDirection, query: string = what[direction]) {
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
 * Resolves `flowing` after the first rows: the program then has its FIFO open. A program that opens
 * it only after the shipper has closed it would wait there as long as this process lives.
 */
function watched() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const through = async function* (rows: AsyncIterable<Buffer>) {
    for await (const chunk of rows) {
      yield chunk;
      resolve();
    }
  };
  return {
    through,
    resolve,
    flowing: (exchange: Promise<unknown>) => Promise.race([promise, exchange]),
  };
}

/** Waits until the program's `cat` runs: it has its FIFO open, which holds no row yet. */
async function catWrites(copy: Copy): Promise<void> {
  await waitSoonFor('cat to run', async () =>
    (await programOf(copy)).some(({ command }) => command === 'cat') ? true : undefined,
  );
}

/** A FIFO that no program has open. */
async function unusedFifo(direction: FifoDirection): Promise<string> {
  const path = join(await freshPath(), '..', `1.${direction}`);
  makeFifos(path);
  return path;
}

describe('a shipper that feeds ends when the signal fires', () => {
  it('while it waits for a program to open the FIFO', async () => {
    const { signal, rejectsOnAbort } = abortable();
    const path = await unusedFifo('in');
    const feeding = feedFifo(path, endless(), signal);
    await sleep(100);
    await rejectsOnAbort(feeding);
    expect(await descriptorsInto(path)).toEqual([]);
  });

  it('before it starts, without opening the FIFO', async () => {
    const { signal, rejectsOnAbort } = abortable();
    const started = await startedCopy('in');
    await rejectsOnAbort(
      Promise.reject(new Error('not yet')).catch(() => feedFifo(started.path, endless(), signal)),
    );
    const cat = await partsOf(started.copy);
    process.kill(cat.cat, 'SIGKILL');
    await copyFails(started);
  });

  it('while it opens the FIFO', async () => {
    const { signal, rejectsOnAbort } = abortable();
    const started = await startedCopy('in');
    await catOpens(started.copy);
    // To open takes at least one turn of the event loop; the signal fires before that.
    await rejectsOnAbort(feedFifo(started.path, endless(), signal));
    await copyFails(started);
  });

  it('while it writes', async () => {
    const { signal, rejectsOnAbort } = abortable();
    const started = await startedCopy('in');
    const { through, flowing } = watched();
    const feeding = feedFifo(started.path, through(endless()), signal);
    await flowing(feeding);
    await rejectsOnAbort(feeding);
    await copyFails(started);
  });

  it('while the program does not read', async () => {
    const { signal, rejectsOnAbort } = abortable();
    const started = await startedCopy('in');
    const { cat } = await partsOf(started.copy);
    const { through, flowing } = watched();
    const feeding = feedFifo(started.path, through(endless()), signal);
    await flowing(feeding);
    process.kill(cat, 'SIGSTOP');
    await sleep(200);
    await rejectsOnAbort(feeding);
    process.kill(cat, 'SIGCONT');
    await copyFails(started);
  });

  it('while its source is stalled: the COPY ends first', async () => {
    const { signal, rejectsOnAbort } = abortable();
    const started = await startedCopy('in');
    const { resolve, flowing } = watched();
    const source = async function* () {
      yield Buffer.from('1\n');
      resolve();
      await once(signal, 'abort');
      // This source notices the signal only after the COPY has ended.
      await copyFails(started);
      signal.throwIfAborted();
    };
    const feeding = feedFifo(started.path, source(), signal);
    await flowing(feeding);
    await rejectsOnAbort(feeding);
  });

  it("while it waits for the program's done file", async () => {
    const { signal, rejectsOnAbort } = abortable();
    const started = await startedCopy('in');
    const { shell } = await partsOf(started.copy);
    process.kill(shell, 'SIGSTOP');
    const source = async function* () {
      yield Buffer.from('1\n');
    };
    const feeding = feedFifo(started.path, source(), signal);
    feeding.catch(() => undefined);
    await waitSoonFor('the shipper to wait', () =>
      existsSync(fedName(started.path)) ? true : undefined,
    );
    await rejectsOnAbort(feeding);
    process.kill(shell, 'SIGKILL');
    await copyFails(started);
  });
});

describe('a shipper that reads ends when the signal fires', () => {
  it('while it waits for a writer', async () => {
    const { signal, rejectsOnAbort } = abortable();
    const path = await unusedFifo('out');
    const reading = Array.fromAsync(readFifo(path, signal));
    await sleep(100);
    await rejectsOnAbort(reading);
    expect(await descriptorsInto(path)).toEqual([]);
  });

  it('while the server has no rows yet', async () => {
    const { signal, rejectsOnAbort } = abortable();
    const holder = await openSession(server.target(), {
      purpose: 'restore',
      applicationName: 'holder',
    });
    try {
      await holder.query('SELECT pg_advisory_lock(1)');
      const started = await startedCopy('out', '(SELECT pg_advisory_lock_shared(1))');
      const reading = Array.fromAsync(readFifo(started.path, signal));
      reading.catch(() => undefined);
      await catWrites(started.copy);
      await rejectsOnAbort(reading);
      await holder.query('SELECT pg_advisory_unlock(1)');
      await copyFails(started);
    } finally {
      await holder.destroy();
    }
  });

  it('while rows flow', async () => {
    const { signal, rejectsOnAbort } = abortable();
    const started = await startedCopy('out');
    const { resolve, flowing } = watched();
    const reading = (async () => {
      for await (const chunk of readFifo(started.path, signal)) if (chunk.byteLength > 0) resolve();
    })();
    await flowing(reading);
    await rejectsOnAbort(reading);
    await copyFails(started);
  });

  it('while its consumer processes rows', async () => {
    const { signal, rejectsOnAbort } = abortable();
    const started = await startedCopy('out');
    const { resolve, flowing } = watched();
    const reading = (async () => {
      for await (const _ of readFifo(started.path, signal)) {
        resolve();
        await sleep(500);
      }
    })();
    await flowing(reading);
    await rejectsOnAbort(reading);
    await copyFails(started);
  });

  it("while it waits for the program's done file", async () => {
    const { signal, rejectsOnAbort } = abortable();
    const started = await startedCopy('out', '(SELECT 1)');
    const { shell, cat } = await partsOf(started.copy);
    process.kill(shell, 'SIGSTOP');
    const reading = Array.fromAsync(readFifo(started.path, signal));
    reading.catch(() => undefined);
    await waitSoonFor('cat to end', async () =>
      (await programOf(started.copy)).some(({ pid }) => pid === cat) ? undefined : true,
    );
    await rejectsOnAbort(reading);
    process.kill(shell, 'SIGKILL');
    await copyFails(started);
  });
});
