import { once } from 'node:events';
import { throwIfInterrupted } from '../../../async/abort.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';

/**
 * Writes all bytes, and waits while the reader of the pipe does.
 * @returns `reader-gone` when the reader has closed it, as `head` does: it has all that it wants.
 */
export async function toStandardOutput(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  out: NodeJS.WriteStream = process.stdout,
): Promise<'written' | 'reader-gone'> {
  let isGone = false;
  const onError = ({ code }: NodeJS.ErrnoException) => {
    isGone = code === 'EPIPE';
  };
  out.on('error', onError);
  try {
    for await (const chunk of source) {
      throwIfInterrupted(signal);
      if (!out.write(chunk)) await once(out, 'drain', { signal }).catch(() => undefined);
      throwIfInterrupted(signal);
    }
    const failure = await lastWrite(out);
    throwIfInterrupted(signal);
    if (failure === undefined) return 'written';
    isGone ||= failure.code === 'EPIPE';
    throw new StowageError(
      'interrupted',
      `stopped: standard output cannot be written (${failure.code ?? failure.message})`,
      { cause: failure },
    );
  } catch (error) {
    if (isGone) return 'reader-gone';
    throw error;
  } finally {
    out.off('error', onError);
  }
}

/** Waits for all writes before. @returns why one of them failed. */
function lastWrite(out: NodeJS.WriteStream): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    out.write('', (error) => resolve(error ?? undefined));
  });
}
