import { setTimeout as sleep } from 'node:timers/promises';
import { feedFifo, readFifo } from '../../../segment-shipper/fifo/fifo.ts';
import { openFifoFolder, type WaitingProgram } from '../../../segment-shipper/fifo/folder.ts';

/**
 * A process that holds a folder, for tests that kill it. `never` looks at no program, `stalled` stops after the first
 * rows, `endless` feeds for ever and reads all. It says what it does, a word a line.
 */
const [path = '', dataDir, manner = 'never'] = process.argv.slice(2);
const signal = new AbortController().signal;
const say = (line: string) => process.stdout.write(`${line}\n`);

const folder = await openFifoFolder(path, dataDir);
say('ready');
if (manner === 'never') await stall();
const meetings: Promise<void>[] = [];
for await (const arrival of folder.programs(signal))
  meetings.push(meet(arrival).catch((error: unknown) => void say(`failed ${String(error)}`)));

async function meet(arrival: WaitingProgram): Promise<void> {
  if (arrival.direction === 'in') await feedFifo(arrival.path, rows(), signal);
  else
    for await (const _ of readFifo(arrival.path, signal)) {
      say('flowing');
      if (manner === 'stalled') await stall();
    }
  say('met');
}

async function* rows(): AsyncGenerator<Buffer> {
  for (let n = 0; ; n += 1) {
    yield Buffer.from(`${n}\n`);
    if (n === 0) say('flowing');
    if (manner === 'stalled') await stall();
    if (n % 100 === 0) await sleep(1);
  }
}

async function stall(): Promise<never> {
  for (;;) await sleep(1_000);
}
