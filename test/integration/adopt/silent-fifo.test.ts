import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeFifo } from '../../../cli/adopt/gpcrondump/stream/fifo.ts';
import type { ListedDump } from '../../../cli/adopt/gpcrondump/stream/pipe-list.ts';

/** Runs the script of a FIFO, and hides the end of its input from it for some seconds. */
const SILENT_SSH = ['sh', '-c', 'sleep 40 | sh -c "$1"', 'ssh'];

test('a FIFO on a host that does not answer any more is given up', {
  timeout: 20_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'silent-fifo-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const dump = { host: 'sdw1', path: join(folder, 'gp_dump_0_2_20260101120000') };
  const fifo = await makeFifo(dump as ListedDump, SILENT_SSH, new AbortController().signal);
  const rows = Array.fromAsync(fifo.chunks());
  fifo.giveUp('it was interrupted');
  await expect(rows).rejects.toThrow('it was interrupted');
});
