import { describe, expect, it } from 'vitest';
import { gathering } from './gathering.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * A stream whose reads bring 8 KiB at once, or all that its socket holds after having waited; MB
 * per second of each way.
 * @returns of each MiB, whether its reads waited.
 */
function stream(speeds: { gathered: number; atOnce: number }) {
  let time = 0;
  const reads = gathering(() => time);
  let waits = true;
  const read = (): number => {
    const bytes = waits ? 48 * KIB : 8 * KIB;
    time += bytes / 1000 / (waits ? speeds.gathered : speeds.atOnce);
    waits = reads.waitsAfter(bytes);
    return bytes;
  };
  return {
    reads,
    read: (bytes: number): boolean[] => {
      const waited: boolean[] = [];
      for (let mib = 0; mib < bytes / MIB; mib += 1) {
        for (let left = MIB; left > 0; left -= read());
        waited.push(waits);
      }
      return waited;
    },
    passTime: (ms: number) => {
      time += ms;
    },
  };
}

describe('reads of a stream', () => {
  it('wait when that brings as many bytes per second', () => {
    const { read } = stream({ gathered: 150, atOnce: 160 });
    const waited = read(200 * MIB);
    expect(waited.slice(0, 15)).not.toContain(false);
    // The other way was tried.
    expect(waited.slice(17, 30)).not.toContain(true);
    expect(waited.slice(34)).not.toContain(false);
  });

  it('do not wait when the socket is full before the wait ends', () => {
    const { read } = stream({ gathered: 250, atOnce: 600 });
    read(17 * MIB);
    expect(read(500 * MIB)).not.toContain(true);
  });

  it('are measured again, because the rows of a table may become narrower', () => {
    const speeds = { gathered: 250, atOnce: 600 };
    const { read } = stream(speeds);
    read(300 * MIB);
    speeds.gathered = 600;
    expect(read(600 * MIB).slice(-200)).not.toContain(false);
  });

  it('do not count the time between two tables', () => {
    const { read, reads, passTime } = stream({ gathered: 600, atOnce: 600 });
    for (let table = 0; table < 10; table += 1) {
      expect(read(10 * MIB)).not.toContain(false);
      reads.interrupted();
      passTime(10_000);
    }
  });

  it('never wait when each of them is large', () => {
    const reads = gathering(() => 0);
    expect(reads.waitsAfter(64 * KIB)).toBe(false);
    expect(reads.waitsAfter(64 * KIB - 1)).toBe(true);
  });
});
