import { readFileSync } from 'node:fs';
import { allStats, below } from './cpu.ts';

/** The largest resident sets that were seen. */
export interface Peaks {
  /** Sum of the peaks of all processes that the client was: more than it ever had at once, never less. */
  readonly clientBytes: number;
  /** The largest peak of one shipper of Stowage; 0 without one. */
  readonly shipperBytes: number;
  /** Sum of the peaks of the programs that PostgreSQL started for COPY. */
  readonly programBytes: number;
}

const LOOK_MS = 200;

/**
 * Looks at all descendants of this process and of the servers now and then. Linux keeps the peak of a process while it
 * lives, so only what ends within the pause is missed.
 * @param ignored processes that are no clients: servers, sinks
 */
export function watchMemory(
  servers: readonly number[],
  ignored: readonly number[],
): { stop(): Peaks } {
  const seen = new Map<number, { kind: keyof Peaks; bytes: number; isShipper: boolean }>();
  const look = () => {
    const stats = allStats();
    const noClients = new Set([process.pid, ...servers, ...ignored]);
    const outside = new Set(
      [...servers, ...ignored].flatMap((pid) => below(stats, pid).map((one) => one.pid)),
    );
    for (const { pid } of below(stats, process.pid))
      if (!noClients.has(pid) && !outside.has(pid)) note(pid, 'clientBytes');
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
  const timer = setInterval(look, LOOK_MS);
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
