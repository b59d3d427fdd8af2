import { setTimeout as sleep } from 'node:timers/promises';
import { feedFifo, readFifo } from '../../../segment-shipper/fifo/fifo.ts';
import { openFifoFolder, type WaitingProgram } from '../../../segment-shipper/fifo/folder.ts';

/**
 * A process with a folder, for tests that kill it. `never` ignores all programs, `stalled` stops
 * after the first rows, `endless` feeds without end and reads everything. It prints its steps, one
 * word per line.
 */
const [path = '', dataDir, behaviour = 'never'] = process.argv.slice(2);
const signal = new AbortController().signal;
const print = (line: string) => process.stdout.write(`${line}\n`);

const folder = await openFifoFolder(path, dataDir);
print('ready');
if (behaviour === 'never') await stall();
const exchanges: Promise<void>[] = [];
for await (const program of folder.programs(signal))
  exchanges.push(
    exchange(program).catch((error: unknown) => void print(`failed ${String(error)}`)),
  );

async function exchange(program: WaitingProgram): Promise<void> {
  if (program.direction === 'in') await feedFifo(program.path, rows(), signal);
  else
    for await (const _ of readFifo(program.path, signal)) {
      print('flowing');
      if (behaviour === 'stalled') await stall();
    }
  print('done');
}

async function* rows(): AsyncGenerator<Buffer> {
  for (let n = 0; ; n += 1) {
    yield Buffer.from(`${n}\n`);
    if (n === 0) print('flowing');
    if (behaviour === 'stalled') await stall();
    if (n % 100 === 0) await sleep(1);
  }
}

async function stall(): Promise<never> {
  for (;;) await sleep(1_000);
}
