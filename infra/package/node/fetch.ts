import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { describeExit, runToEnd } from '../../../async/child-process.ts';
import { type Architecture, INTEGRITY, NODE_VERSION } from './pinned.ts';

export interface NodeFiles {
  readonly executable: string;
  readonly license: string;
}

/** Packages that were downloaded once. */
const CACHE = path.join(homedir(), '.cache/stowage-node');

/**
 * The Node of an architecture, from its npm package. Downloads it once (50 MB). The digest is
 * compared at every call. @throws Error when the package is not the pinned one.
 */
export async function nodeFor(architecture: Architecture): Promise<NodeFiles> {
  const name = `node-linux-${architecture}`;
  const archive = path.join(CACHE, `${name}-${NODE_VERSION}.tgz`);
  await mkdir(CACHE, { recursive: true });
  const isThere = await access(archive).then(
    () => true,
    () => false,
  );
  if (!isThere) await download(`${name}@${NODE_VERSION}`, archive);
  const digest = `sha512-${createHash('sha512')
    .update(await readFile(archive))
    .digest('base64')}`;
  if (digest !== INTEGRITY[architecture])
    throw new Error(`${archive} is not the pinned package: its digest is ${digest}; remove it`);
  const folder = path.join(CACHE, `${name}-${NODE_VERSION}`);
  const files = {
    executable: path.join(folder, 'package/bin/node'),
    license: path.join(folder, 'package/LICENSE'),
  };
  await mkdir(folder, { recursive: true });
  // Again at every call: a folder that was left half unpacked is made whole.
  await run('tar', ['-xzf', archive, '-C', folder, 'package/bin/node', 'package/LICENSE']);
  return files;
}

/** To a folder of its own first: two builds at once never see half an archive. */
async function download(spec: string, archive: string): Promise<void> {
  const folder = await mkdtemp(path.join(CACHE, 'download-'));
  try {
    await run('npm', ['pack', spec, '--silent', '--pack-destination', folder]);
    await rename(path.join(folder, path.basename(archive)), archive);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a program to its end. @throws Error with its last words unless it exits with 0. */
export async function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const ended = await runToEnd(program, args, options);
  if (ended.code !== 0)
    throw new Error(
      `${program} ${args.join(' ')} ended with ${describeExit(ended)}: ${(ended.stderr || ended.stdout).trim()}`,
    );
  return ended.stdout;
}
