import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { describeExit, exitOf, runToEnd, tailOf } from '../../async/child-process.ts';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { TOOL } from '../../backup-set/base/tool.ts';
import { type Bundle, OWN_FOLDER, readBundle } from './bundle.ts';

/** A bundle as one file, which hosts receive. */
export interface Archive {
  readonly bundle: Bundle;
  readonly file: string;
  readonly sha256: string;
  /** SHA-256 of the bundle's SHA256SUMS: which build it is. */
  readonly digest: string;
}

/** Level 1 takes 2 s for 50 MB; level 6 takes 5 s for 45 MB. */
const GZIP_LEVEL = 1;
const WORDS_MAX = 1_000;

/**
 * Runs `work` with the archives of the bundles: of the running program, and of the named files.
 * They are removed at its end.
 */
export async function withArchives<T>(
  files: readonly string[],
  work: (archives: readonly Archive[]) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-hosts-'));
  try {
    const named: Archive[] = [];
    for (const [at, file] of files.entries())
      named.push(await archiveOf(file, join(folder, String(at))));
    const own = await readBundle(OWN_FOLDER).catch((error: unknown) => {
      if (files.length === 0) throw error;
      return undefined;
    });
    if (own === undefined || named.some(({ bundle }) => bundle.platform === own.platform))
      return await work(named);
    return await work([...named, await packed(OWN_FOLDER, own, join(folder, 'own.tar.gz'))]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** SHA-256 of SHA256SUMS of a bundle's folder. */
export async function digestOf(folder: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(join(folder, 'SHA256SUMS')))
    .digest('hex');
}

/** @throws StowageError `hosts/bundle` when the file is not the archive of a bundle. */
async function archiveOf(file: string, folder: string): Promise<Archive> {
  await mkdir(folder);
  const names = ['./bundle.json', './SHA256SUMS'];
  const ended = await runToEnd('tar', ['-xzf', file, '-C', folder, ...names]);
  if (ended.code !== 0)
    throw new StowageError(
      'hosts/bundle',
      `${file} is not the archive of a bundle: ${ended.stderr.trim().split('\n')[0] ?? ''}`,
    );
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const bundle = await readBundle(folder);
  // A shipper of another version is refused by the first backup.
  if (`stowage ${bundle.version}` !== TOOL)
    throw new StowageError(
      'hosts/bundle',
      `${file} has stowage ${bundle.version}, and this is ${TOOL}: the hosts need the same version`,
    );
  return {
    bundle,
    file,
    sha256: hash.digest('hex'),
    digest: await digestOf(folder),
  };
}

async function packed(folder: string, bundle: Bundle, file: string): Promise<Archive> {
  const args = ['--owner=0', '--group=0', '--numeric-owner', '-C', folder, '-cf', '-', '.'];
  const tar = spawn('tar', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = exitOf(tar);
  const words = tailOf(tar.stderr, WORDS_MAX);
  const hash = createHash('sha256');
  try {
    await pipeline(
      tar.stdout,
      createGzip({ level: GZIP_LEVEL }),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(file),
    );
    const ended = await exit;
    if (ended.code !== 0) throw new Error(`tar: ${describeExit(ended)}: ${words.text().trim()}`);
  } catch (cause) {
    throw new StowageError('hosts/bundle', `cannot pack ${folder}: ${messageOf(cause)}`, { cause });
  }
  return { bundle, file, sha256: hash.digest('hex'), digest: await digestOf(folder) };
}
