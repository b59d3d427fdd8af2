import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A temporary file for a program that seeks in it. */
export interface UnnamedFile {
  readonly handle: FileHandle;
  /** Programs of the same user can open it while this process runs. */
  readonly path: string;
}

/**
 * Runs `work` with an empty temporary file. On Linux the file has no name from the start: nothing
 * of it stays when this process is killed. Elsewhere it is removed after the work.
 */
export async function withUnnamedFile<T>(work: (file: UnnamedFile) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-file-'));
  const name = join(folder, 'file');
  const remove = () => rm(folder, { recursive: true, force: true });
  let handle: FileHandle | undefined;
  try {
    handle = await open(name, 'wx+', 0o600);
    if (process.platform !== 'linux') return await work({ handle, path: name });
    await remove();
    return await work({ handle, path: `/proc/${process.pid}/fd/${handle.fd}` });
  } finally {
    await handle?.close();
    await remove();
  }
}
