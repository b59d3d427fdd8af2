import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Builds dist/ from the current sources, so that the bench measures them. */
export async function build(): Promise<void> {
  const bundle = fileURLToPath(new URL('../../../infra/build/bundle.ts', import.meta.url));
  await promisify(execFile)(process.execPath, [bundle]);
}
