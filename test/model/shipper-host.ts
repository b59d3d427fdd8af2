import { createServer, type Socket } from 'node:net';
import type { Logger } from 'pino';
import { noProgress } from '../../segment-shipper/deps.ts';
import {
  type BackupJob,
  CONTROL_VERSION,
  Job,
  type Report,
} from '../../segment-shipper/protocol/control.ts';
import { linesOf } from '../../segment-shipper/protocol/ndjson.ts';
import {
  doneReport,
  failedReport,
  progressReport,
} from '../../segment-shipper/protocol/reports.ts';
import { runJob } from '../../segment-shipper/run-job.ts';

const PROGRESS_MS = 500;

/** Called with the job of a backup before its shipper starts, while its snapshot is held. */
export type OnBackup = (job: BackupJob) => Promise<void>;

export interface ShipperHost {
  /** `shippers.command` of the configuration. */
  readonly command: readonly string[];
  stop(): void;
}

/** Pipes the standard streams of the command to a socket, and its end back. */
const RELAY =
  'exec 3<>/dev/tcp/127.0.0.1/$1 4<&0; cat <&4 >&3 & cat <&3; kill $! 2>/dev/null; exit 0';

/**
 * Runs the shippers in this process: to start a program for each content and set would take most
 * of the time. The coordinator speaks its whole protocol to a small relay.
 */
export async function startShipperHost(log: Logger, onBackup: OnBackup): Promise<ShipperHost> {
  const server = createServer((socket) => void serve(socket, log, onBackup));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    command: ['bash', '-c', RELAY, 'relay', String(address.port)],
    stop: () => void server.close(),
  };
}

async function serve(socket: Socket, log: Logger, onBackup: OnBackup): Promise<void> {
  const stop = new AbortController();
  socket.on('error', (error) => stop.abort(error));
  const report = (line: Report) => void socket.write(`${JSON.stringify(line)}\n`);
  const progress = noProgress();
  report({
    type: 'hello',
    control: CONTROL_VERSION,
    pid: process.pid,
    tool: 'model',
    carries: true,
  });
  const reporting = setInterval(() => report(progressReport(progress)), PROGRESS_MS);
  try {
    await runJob({ input: observed(socket, onBackup), stop, progress, report, log });
    report(progressReport(progress));
    report(doneReport(undefined));
  } catch (error) {
    report(failedReport(error));
  } finally {
    clearInterval(reporting);
    socket.end();
  }
}

async function* observed(socket: Socket, onBackup: OnBackup): AsyncGenerator<string> {
  let isFirst = true;
  for await (const line of linesOf(socket)) {
    const job = isFirst ? Job.parse(JSON.parse(line)) : undefined;
    isFirst = false;
    if (job?.type === 'backup') await onBackup(job);
    yield `${line}\n`;
  }
}
