import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { TEMP_FOLDER } from '../check-key.ts';
import { makeTempFolder, newTempName } from './temp.ts';

/** A measured time is continued for so long: a process can be suspended, a clock can be set. */
const VALID_MS = 60_000;

/**
 * The time that the file system stamps on files. On a network file system it is the server's, so a
 * new file is measured. A root that does not exist or cannot be written has the time of this host.
 */
export function directoryClock(root: string): () => Promise<Date> {
  let measured: { readonly time: number; readonly at: number } | undefined;
  return async () => {
    if (measured === undefined || performance.now() - measured.at > VALID_MS) {
      const time = (await stampedNow(root)) ?? Date.now();
      measured = { time, at: performance.now() };
    }
    return new Date(measured.time + performance.now() - measured.at);
  };
}

async function stampedNow(root: string): Promise<number | undefined> {
  const path = join(root, TEMP_FOLDER, newTempName('.clock', new Date()));
  try {
    await makeTempFolder(root);
    const file = await open(path, 'wx');
    try {
      // The server of a network file system stamps what it writes.
      await file.write('.');
      await file.sync();
      return (await file.stat()).mtimeMs;
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  } finally {
    await unlink(path).catch(() => undefined);
  }
}
