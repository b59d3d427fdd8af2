import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PROGRAMS_FOLDER } from './programs.ts';

const BUNDLE = fileURLToPath(new URL('../../../infra/build/bundle.ts', import.meta.url));

/**
 * Vitest's global set-up: builds the programs as users run them. They also start in a fifth of the
 * CPU that the sources take, and these tests start some thousand processes.
 */
export default async function build(): Promise<(() => Promise<void>) | undefined> {
  const prefix = join(tmpdir(), 'stowage-programs-');
  // Each project calls this: the first build is for all of them.
  if (process.env[PROGRAMS_FOLDER]?.startsWith(prefix)) return undefined;
  const folder = await mkdtemp(prefix);
  await promisify(execFile)(process.execPath, [BUNDLE, folder]);
  process.env[PROGRAMS_FOLDER] = folder;
  return () => rm(folder, { recursive: true, force: true });
}
