import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makeBundle } from '../../../infra/package/bundle/bundle.ts';
import { STOWAGE } from '../programs/programs.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const DEVELOPMENT = join(ROOT, 'node_modules/node');

/** The Node of this checkout, as the npm package of the bundles has it. */
export const DEVELOPMENT_NODE = {
  executable: join(DEVELOPMENT, 'bin/node'),
  license: join(DEVELOPMENT, 'package.json'),
  version: process.versions.node,
};

/** A bundle of the programs under test. */
export async function bundleAt(folder: string): Promise<void> {
  await makeBundle(folder, {
    version: '1.0.0-rc.1',
    architecture: 'x64',
    node: DEVELOPMENT_NODE,
    programs: dirname(STOWAGE),
  });
}

/** As `bundleAt`, with a script in place of Node's 126 MB, so that it is sent in no time. */
export async function lightBundleAt(folder: string): Promise<void> {
  await bundleAt(folder);
  const node = join(folder, 'node');
  await rm(node);
  await writeFile(node, `#!/bin/sh\nexec ${process.execPath} "$@"\n`);
  await chmod(node, 0o755);
  await putDigests(folder);
}

/** Writes SHA256SUMS again, after a file was changed on purpose. */
export async function putDigests(folder: string): Promise<void> {
  const file = join(folder, 'SHA256SUMS');
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  const sums = await Promise.all(
    lines.map(async (line) => {
      const name = line.slice(66);
      const bytes = await readFile(join(folder, name));
      return `${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`;
    }),
  );
  await writeFile(file, sums.join(''));
}

/** Packs a bundle as `npm run package:programs` does. */
export async function packBundle(folder: string, archive: string): Promise<void> {
  await promisify(execFile)('tar', ['-C', folder, '-czf', archive, '.']);
}
