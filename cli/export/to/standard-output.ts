import { once } from 'node:events';
import { throwIfInterrupted } from '../../../async/abort.ts';

/** Writes all bytes, and waits while the reader of the pipe does. */
export async function toStandardOutput(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  out: NodeJS.WriteStream = process.stdout,
): Promise<void> {
  for await (const chunk of source) {
    throwIfInterrupted(signal);
    if (!out.write(chunk)) await once(out, 'drain', { signal }).catch(() => undefined);
    throwIfInterrupted(signal);
  }
  await new Promise<void>((resolve) => out.write('', () => resolve()));
  throwIfInterrupted(signal);
}

/** True when the reader of the pipe has closed it, as `head` does: it has all that it wants. */
export function isReaderGone(out: NodeJS.WriteStream = process.stdout): boolean {
  const { errored } = out;
  return errored !== null && 'code' in errored && errored.code === 'EPIPE';
}
