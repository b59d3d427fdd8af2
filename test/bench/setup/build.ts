import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** What is measured is what `npm run build` makes of the sources as they are now. */
export async function build(): Promise<void> {
  const bundle = fileURLToPath(new URL('../../../infra/build/bundle.ts', import.meta.url));
  await promisify(execFile)(process.execPath, [bundle]);
}
