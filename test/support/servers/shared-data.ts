import { rm } from 'node:fs/promises';
import { makeData } from '../../../database/local-server/local-server.ts';

/** In the environment of all workers: the folder whose data the servers of a test run copy. */
export const SHARED_DATA = 'STOWAGE_TEST_SHARED_DATA';

/**
 * Vitest's global set-up: runs initdb once. A test run starts some hundred servers, and a copy
 * costs half of the CPU.
 */
export default async function share(): Promise<(() => Promise<void>) | undefined> {
  // Each project calls this: the first data is for all of them.
  if (process.env[SHARED_DATA] !== undefined) return undefined;
  const binDir = process.env['STOWAGE_TEST_POSTGRES_BIN'] || undefined;
  const folder = await makeData(binDir === undefined ? {} : { binDir });
  process.env[SHARED_DATA] = folder;
  return async () => {
    delete process.env[SHARED_DATA];
    await rm(folder, { recursive: true, force: true });
  };
}
