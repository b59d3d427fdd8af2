import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { StowageError } from '../../backup-set/base/errors.ts';

/** `bundle.json`: what a folder that runs by itself holds (docs/design/0039-installation.md). */
export const Bundle = z.object({
  version: z.string(),
  platform: z.string().regex(/^linux-(x64|arm64)$/),
  /** Version of its Node. */
  node: z.string(),
  /** The oldest glibc with which its Node runs. */
  glibc: z.string().regex(/^\d+(\.\d+)+$/),
});
export type Bundle = z.infer<typeof Bundle>;

/** The folder of the running program: a bundle, unless Stowage was installed from npm. */
export const OWN_FOLDER = dirname(fileURLToPath(import.meta.url));

/** @throws StowageError `hosts/bundle` when the folder is not a bundle. */
export async function readBundle(folder: string): Promise<Bundle> {
  try {
    return Bundle.parse(JSON.parse(await readFile(join(folder, 'bundle.json'), 'utf8')));
  } catch (cause) {
    throw new StowageError(
      'hosts/bundle',
      `${folder} has no programs with a Node of their own: this stowage was not installed from the .deb, the .rpm or the archive`,
      { cause },
    );
  }
}
