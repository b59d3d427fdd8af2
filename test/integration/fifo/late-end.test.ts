import { constants, existsSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { doneName, fedName } from '../../../database/copy/fifo-programs.ts';
import { feedFifo } from '../../../segment-shipper/fifo/fifo.ts';
import { freshPath, makeFifos, soon, waitSoonFor } from './fifo.ts';

/** The timeout of a shipper for a program's done file, by a clock that only the test advances. */
const ENDING_MS = 1_000;
let now = 0;
let clockReads = () => 0;

beforeEach(() => {
  now = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
  clockReads = () => clock.mock.calls.length;
  onTestFinished(() => clock.mockRestore());
});

/** Advances the clock, and waits until the shipper has completed a poll at this time. */
async function pollAt(time: number): Promise<void> {
  now = time;
  const before = clockReads();
  await waitSoonFor('the shipper to poll', () => (clockReads() > before + 2 ? true : undefined));
}

/** A shipper that has written all rows and the fed file, and the program's end of the FIFO. */
async function fed() {
  const folder = await freshPath();
  await mkdir(folder);
  const path = join(folder, '1.in');
  makeFifos(path);
  const program = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const rows = (async function* () {
    yield Buffer.from('1\n');
  })();
  const timeouts = { openingMs: ENDING_MS, endingMs: ENDING_MS };
  const feeding = feedFifo(path, rows, new AbortController().signal, timeouts);
  feeding.catch(() => undefined);
  await waitSoonFor('the fed file', () => (existsSync(fedName(path)) ? true : undefined));
  return { path, program, feeding, done: () => rename(fedName(path), doneName(path)) };
}

it('the timeout for the done file starts when the program has stopped reading', async () => {
  const { program, feeding, done } = await fed();
  await pollAt(ENDING_MS - 100);
  await program.close();
  await pollAt(ENDING_MS - 50);
  await pollAt(ENDING_MS + 100);
  await done();
  await soon(feeding);
});

it('a program without a done file after the timeout fails', async () => {
  const { program, feeding } = await fed();
  await pollAt(10 * ENDING_MS);
  await program.close();
  await pollAt(10 * ENDING_MS + 1);
  await pollAt(11 * ENDING_MS - 100);
  now = 12 * ENDING_MS;
  await expect(soon(feeding)).rejects.toMatchObject({ code: 'shipper/fifo' });
});
