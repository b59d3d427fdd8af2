import { expect, test } from 'vitest';
import { inputOfStdin } from './input.ts';

test('an interruption ends the reading of a standard input that is silent', async () => {
  const stop = new AbortController();
  async function* silent() {
    yield Buffer.from('--\n');
    await Promise.withResolvers<void>().promise;
  }
  const chunks = inputOfStdin(silent(), stop.signal).open()[Symbol.asyncIterator]();
  expect((await chunks.next()).done).toBe(false);
  const next = chunks.next();
  stop.abort();
  await expect(next).rejects.toThrow('the reading of standard input was interrupted');
}, 2_000);
