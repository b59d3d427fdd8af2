import { readFileSync } from 'node:fs';
import { allStats, below } from './cpu.ts';

/** The largest resident sets during a run. */
export interface Peaks {
  /**
   * Sum of the peaks of all client processes: an upper bound of what they used at the same time.
   */
  readonly clientBytes: number;
  /** The largest peak of a shipper; 0 without shippers. */
  readonly shipperBytes: number;
  /** Sum of the peaks of the programs that PostgreSQL started for COPY. */
  readonly programBytes: number;
}

const SAMPLE_MS = 200;

/**
 * Samples all descendants of this process and of the servers. Linux keeps the peak of a running
 * process, so that only processes that end between two samples are missed.
 * @param ignored processes that are not clients, such as the sink
 */
export function watchMemory(
  servers: readonly number[],
  ignored: readonly number[],
): { stop(): Peaks } {
  const seen = new Map<number, { kind: keyof Peaks; bytes: number; isShipper: boolean }>();
  const sample = () => {
    const stats = allStats();
    const notClients = new Set([process.pid, ...servers, ...ignored]);
    const outside = new Set(
      [...servers, ...ignored].flatMap((pid) => below(stats, pid).map((one) => one.pid)),
    );
    for (const { pid } of below(stats, process.pid))
      if (!notClients.has(pid) && !outside.has(pid)) note(pid, 'clientBytes');
    for (const server of servers) {
      const backends = new Set(
        stats.filter(({ parent }) => parent === server).map(({ pid }) => pid),
      );
      for (const { pid } of below(stats, server))
        if (pid !== server && !backends.has(pid)) note(pid, 'programBytes');
    }
  };
  const note = (pid: number, kind: keyof Peaks) => {
    const bytes = peakOf(pid);
    const before = seen.get(pid);
    const isShipper = before?.isShipper === true || isShipperProcess(pid);
    seen.set(pid, { kind, bytes: Math.max(before?.bytes ?? 0, bytes), isShipper });
  };
  const timer = setInterval(sample, SAMPLE_MS);
  return {
    stop() {
      clearInterval(timer);
      const all = [...seen.values()];
      const sum = (of: keyof Peaks) =>
        all.filter(({ kind }) => kind === of).reduce((total, { bytes }) => total + bytes, 0);
      return {
        clientBytes: sum('clientBytes'),
        programBytes: sum('programBytes'),
        shipperBytes: Math.max(
          0,
          ...all.filter(({ isShipper }) => isShipper).map(({ bytes }) => bytes),
        ),
      };
    },
  };
}

function peakOf(pid: number): number {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function isShipperProcess(pid: number): boolean {
  try {
    return /shipper/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    return false;
  }
}
