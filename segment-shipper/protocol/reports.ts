import { asStowageError } from '../../backup-set/base/errors.ts';
import { anyRetries } from '../../storage/retries.ts';
import type { Progress } from '../deps.ts';
import type { Report } from './control.ts';
import { peakMemoryBytes } from './peak-memory.ts';

/** Writes one report to standard output. */
export function report(line: Report): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Of the relations under way it names the one that began first: it runs longest. */
export function progressReport(progress: Progress): Extract<Report, { type: 'progress' }> {
  const { rows, bytes, storedBytes, relationsLoaded, objects, underWay } = progress;
  const [relation] = underWay;
  return {
    type: 'progress',
    rows,
    bytes,
    storedBytes,
    relationsLoaded,
    ...(relation !== undefined && { relation, underWay: underWay.length }),
    ...(objects && { objectsDone: objects.done, objectsPlanned: objects.planned }),
    ...(objects?.bytesDone !== undefined && { objectBytesDone: objects.bytesDone }),
    ...(objects?.bytesPlanned !== undefined && { objectBytesPlanned: objects.bytesPlanned }),
  };
}

/** With the retries of this process, which serves this shipper alone. */
export function processReport(progress: Progress): Report {
  const storage = anyRetries();
  return { ...progressReport(progress), ...(storage && { storage }) };
}

export function doneReport(eventLoopDelayP99Ms: number | undefined): Report {
  const { user, system } = process.cpuUsage();
  return {
    type: 'done',
    peakMemoryBytes: peakMemoryBytes(),
    cpuMs: Math.round((user + system) / 1000),
    ...(eventLoopDelayP99Ms !== undefined && { eventLoopDelayP99Ms }),
  };
}

export function failedReport(error: unknown): Report {
  const { code, message, where } = asStowageError(error);
  const { relation, object, offset } = where;
  return {
    type: 'failed',
    code,
    message,
    ...(relation !== undefined && { relation }),
    ...(object !== undefined && { object }),
    ...(offset !== undefined && { offset }),
  };
}
