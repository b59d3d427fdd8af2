import { pause } from '../../async/poll.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { noProgress } from '../../segment-shipper/deps.ts';
import type { Instruction } from '../../segment-shipper/protocol/control.ts';
import { progressReport } from '../../segment-shipper/protocol/reports.ts';
import { runJob } from '../../segment-shipper/run-job.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ShipperProcess, ShipperStart } from './process.ts';

const PROGRESS_MS = 500;
const STOP_MS_MAX = 15_000;

/**
 * A shipper that runs in this process, for little work: to start a process takes a quarter of a
 * second of CPU and 80 MB. It reads and writes the coordinator's own store.
 */
export function runShipperHere(
  { job, onReport, log }: Omit<ShipperStart, 'host' | 'command'>,
  store: ObjectStore,
): ShipperProcess {
  const { content } = job;
  const lines = lineQueue();
  lines.push(JSON.stringify(job));
  const stop = new AbortController();
  const progress = noProgress();
  const reporting = setInterval(() => onReport(progressReport(progress)), PROGRESS_MS);
  onReport({
    type: 'hello',
    control: job.control,
    pid: process.pid,
    tool: 'this process',
    carries: true,
    provesOrders: true,
  });
  const ended = runJob({ input: lines.read(), store, stop, progress, report: onReport, log })
    .then(() => onReport(progressReport(progress)))
    .finally(() => {
      clearInterval(reporting);
      lines.end();
    });
  ended.catch(() => undefined);
  return {
    content,
    pid: process.pid,
    carries: Promise.resolve(true),
    send: (instruction: Instruction) => lines.push(JSON.stringify(instruction)),
    async deliver(instruction) {
      lines.push(JSON.stringify(instruction));
    },
    ended,
    async stop() {
      stop.abort(new StowageError('interrupted', `the shipper of content ${content} was stopped`));
      lines.end();
      const over = new AbortController();
      const quietly = ended.catch(() => undefined).finally(() => over.abort());
      await Promise.race([quietly, pause(STOP_MS_MAX, over.signal)]);
    },
  };
}

/** Lines for one reader, as a pipe passes them on. */
function lineQueue() {
  const waiting: string[] = [];
  let isOver = false;
  let wake = () => {};
  return {
    push(line: string) {
      waiting.push(`${line}\n`);
      wake();
    },
    end() {
      isOver = true;
      wake();
    },
    async *read(): AsyncGenerator<string> {
      for (;;) {
        const next = waiting.shift();
        if (next !== undefined) yield next;
        else if (isOver) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}
