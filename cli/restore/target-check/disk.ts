import { stat, statfs } from 'node:fs/promises';
import { isThisHost } from '../../config/config.ts';
import type { LookedAt } from './server.ts';

/** Free space of a file system that holds the data directories of some contents. */
export interface DiskRoom {
  readonly contents: readonly number[];
  readonly directory: string;
  readonly freeBytes: number;
}

export interface Disks {
  readonly known: readonly DiskRoom[];
  /** Their servers run on other hosts, or their data directories cannot be seen. */
  readonly unknown: readonly number[];
}

/** What this host can see of the servers' disks. */
export async function diskRoom(looked: readonly LookedAt[]): Promise<Disks> {
  const byDevice = new Map<number, DiskRoom>();
  const unknown: number[] = [];
  for (const { segment, has } of looked) {
    const { content, host, dataDir = has.dataDirectory } = segment;
    const seen = dataDir !== undefined && isThisHost(host) ? await roomOf(dataDir) : undefined;
    if (seen === undefined || dataDir === undefined) {
      unknown.push(content);
      continue;
    }
    const { contents = [], directory = dataDir } = byDevice.get(seen.device) ?? {};
    const room = { contents: [...contents, content], directory, freeBytes: seen.freeBytes };
    byDevice.set(seen.device, room);
  }
  return { known: [...byDevice.values()], unknown };
}

async function roomOf(directory: string) {
  try {
    const [{ dev }, { bavail, bsize }] = await Promise.all([stat(directory), statfs(directory)]);
    return { device: dev, freeBytes: bavail * bsize };
  } catch {
    return undefined;
  }
}
