import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { onAbort, untilInterrupted } from '../../../async/abort.ts';
import { isStowageError, messageOf, StowageError } from '../../../backup-set/base/errors.ts';
import type { SourceFiles } from '../files/source-files.ts';
import { UnsoundScript } from '../script/unsound.ts';
import type { ArchiveFiles } from './archive/directory.ts';

/** The file or directory that the user names. */
export interface DumpInput {
  /** For messages. */
  readonly name: string;
  /** Reads it from its beginning. Standard input is there once. */
  open(): AsyncIterable<Buffer>;
  /** Of a directory archive. */
  readonly files?: ArchiveFiles;
}

export const STDIN = '-';

const BUCKET = /^s3:\/\/[^/]*$/;
const HOST = /^[^/]+:$/;

/**
 * The place in which a file or directory is, and its name in it.
 * @throws StowageError `usage/flag` when the path names no file.
 */
export function placeOf(path: string): { readonly parent: string; readonly name: string } {
  const whole = path.replace(/\/+$/, '');
  if (whole === '' || BUCKET.test(whole) || HOST.test(whole))
    throw new StowageError('usage/flag', `${path} names no file: pass one file or one archive`);
  const at = whole.lastIndexOf('/');
  if (at === -1) return { parent: '.', name: whole };
  const parent = whole.slice(0, at);
  const isTop = parent === '' || HOST.test(parent);
  return { parent: isTop ? `${parent}/` : parent, name: whole.slice(at + 1) };
}

/** @throws StowageError `usage/flag` when nothing is there. */
export async function inputOf(
  files: SourceFiles,
  name: string,
  signal: AbortSignal,
): Promise<DumpInput> {
  const place = `${files.place.replace(/\/$/, '')}/${name}`;
  // Others say it themselves when they are read.
  if (place.startsWith('/')) await stat(place).catch((error: unknown) => notThere(place, error));
  const below = await files.list(signal, `${name}/`);
  const names = new Set(below.map((file) => file.name.slice(name.length + 1)));
  if (names.size === 0) return { name, open: () => readFile(files, name, signal) };
  if (!names.has('toc.dat'))
    throw new StowageError(
      'usage/flag',
      `${place} is a directory without toc.dat: it is not an archive of pg_dump. Pass one file or one archive`,
    );
  const open = (file: string) => readFile(files, `${name}/${file}`, signal);
  return { name, open: () => open('toc.dat'), files: { names, open } };
}

function notThere(place: string, error: unknown): never {
  throw new StowageError('usage/flag', `${place} cannot be read: ${messageOf(error)}`, {
    cause: error,
  });
}

async function* readFile(
  files: SourceFiles,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const stream: Readable = await files.open(name, signal);
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    signal.throwIfAborted();
    if (isStowageError(error, 'storage/not-found'))
      notThere(`${files.place.replace(/\/$/, '')}/${name}`, error);
    const { syscall } = error as { readonly syscall?: unknown };
    const isOfStore = isStowageError(error, 'storage/changed', 'storage/invalid');
    if (typeof syscall !== 'string' && !isOfStore) throw error;
    throw new UnsoundScript(`it cannot be read: ${messageOf(error)}`);
  } finally {
    stream.destroy();
  }
}

/** Standard input, which is there once. */
export function inputOfStdin(
  stdin: AsyncIterable<unknown> & Partial<Pick<Readable, 'destroy'>>,
  signal: AbortSignal,
): DumpInput {
  async function* open(): AsyncGenerator<Buffer> {
    // A pipe that gives nothing must not keep the command, nor the process.
    using _ = onAbort(signal, () => void stdin.destroy?.());
    const doing = 'the reading of standard input';
    for await (const chunk of untilInterrupted(stdin, signal, doing)) yield chunk as Buffer;
  }
  return { name: 'standard input', open };
}
