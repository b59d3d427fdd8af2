import { constants, existsSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { doneName, fedName } from '../../../database/copy/fifo-programs.ts';
import { feedFifo } from '../../../segment-shipper/fifo/fifo.ts';
import { freshPath, makeFifos, soon, waitSoonFor } from './fifo.ts';

/** A shipper's patience with a program's last word, by a clock that only the test moves. */
const ENDING_MS = 1_000;
let now = 0;
let looks = () => 0;

beforeEach(() => {
  now = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
  looks = () => clock.mock.calls.length;
  onTestFinished(() => clock.mockRestore());
});

/** Until the shipper has looked at this time, and not only begun to. */
async function seenAt(time: number): Promise<void> {
  now = time;
  const before = looks();
  await waitSoonFor('the shipper to look', () => (looks() > before + 2 ? true : undefined));
}

/** A shipper that has written its rows and said so, and the program's end of the FIFO. */
async function fed() {
  const folder = await freshPath();
  await mkdir(folder);
  const path = join(folder, '1.in');
  makeFifos(path);
  const program = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const rows = (async function* () {
    yield Buffer.from('1\n');
  })();
  const patience = { openingMs: ENDING_MS, endingMs: ENDING_MS };
  const met = feedFifo(path, rows, new AbortController().signal, patience);
  met.catch(() => undefined);
  await waitSoonFor('its word', () => (existsSync(fedName(path)) ? true : undefined));
  return { path, program, met, lastWord: () => rename(fedName(path), doneName(path)) };
}

it('is counted from the end of a program that was busy for longer than that', async () => {
  const { program, met, lastWord } = await fed();
  await seenAt(ENDING_MS - 100);
  await program.close();
  await seenAt(ENDING_MS - 50);
  await seenAt(ENDING_MS + 100);
  await lastWord();
  await soon(met);
});

it('ends, and then the program has not done its work', async () => {
  const { program, met } = await fed();
  await seenAt(10 * ENDING_MS);
  await program.close();
  await seenAt(10 * ENDING_MS + 1);
  await seenAt(11 * ENDING_MS - 100);
  now = 12 * ENDING_MS;
  await expect(soon(met)).rejects.toMatchObject({ code: 'shipper/fifo' });
});
