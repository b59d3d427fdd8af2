import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StowageError } from '../../../backup-set/errors.ts';
import type { FifoDirection } from '../../../database/fifo-programs.ts';
import { feedFifo, readFifo } from '../../../segment-shipper/fifo.ts';
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

/** An interruption, and how to see that a promise heeds it at once. */
function interruption() {
  const stop = new AbortController();
  const reason = new StowageError('interrupted', 'ended on request');
  const heeds = async (promise: Promise<unknown>) => {
    promise.catch(() => undefined);
    stop.abort(reason);
    await expect(soon(promise, 2_000)).rejects.toBe(reason);
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
    await heeds(Promise.reject(new Error('not yet')).catch(() => feedFifo(meet.path, endless(), signal)));
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
    const feeding = feedFifo(meet.path, endless(), signal);
    await sleep(200);
    await heeds(feeding);
    await copyFails(meet);
  });

  it('while the program takes nothing', async () => {
    const { signal, heeds } = interruption();
    const meet = await coming('in');
    const { cat } = await partsOf(meet.copy);
    const feeding = feedFifo(meet.path, endless(), signal);
    await sleep(100);
    process.kill(cat, 'SIGSTOP');
    await sleep(200);
    await heeds(feeding);
    process.kill(cat, 'SIGCONT');
    await copyFails(meet);
  });

  it('while its source stands still: the COPY ends without it', async () => {
    const { signal, heeds } = interruption();
    const meet = await coming('in');
    const source = async function* () {
      yield Buffer.from('1\n');
      await sleep(1_000);
      signal.throwIfAborted();
    };
    const feeding = feedFifo(meet.path, source(), signal);
    await sleep(200);
    await heeds(feeding);
    await copyFails(meet);
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
    await sleep(300);
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
    const meet = await coming('out', '(SELECT pg_sleep(2))');
    const reading = Array.fromAsync(readFifo(meet.path, signal));
    await sleep(300);
    await heeds(reading);
    await copyFails(meet);
  });

  it('while rows flow', async () => {
    const { signal, heeds } = interruption();
    const meet = await coming('out');
    let bytes = 0;
    const reading = (async () => {
      for await (const chunk of readFifo(meet.path, signal)) bytes += chunk.byteLength;
    })();
    await sleep(200);
    await heeds(reading);
    expect(bytes).toBeGreaterThan(0);
    await copyFails(meet);
  });

  it('while it does something with the rows', async () => {
    const { signal, heeds } = interruption();
    const meet = await coming('out');
    const reading = (async () => {
      for await (const _ of readFifo(meet.path, signal)) await sleep(500);
    })();
    await sleep(200);
    await heeds(reading);
    await copyFails(meet);
  });

  it('while it waits for the program’s last word', async () => {
    const { signal, heeds } = interruption();
    const meet = await coming('out', '(SELECT 1)');
    const { shell } = await partsOf(meet.copy);
    process.kill(shell, 'SIGSTOP');
    const reading = Array.fromAsync(readFifo(meet.path, signal));
    await sleep(300);
    await heeds(reading);
    process.kill(shell, 'SIGKILL');
    await copyFails(meet);
  });
});
