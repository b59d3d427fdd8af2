import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { toStandardOutput } from './standard-output.ts';

const signal = new AbortController().signal;

async function* chunks(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}

/** A pipe whose reader closes it after some chunks. */
function pipeClosedAfter(taken: number, code: string): NodeJS.WriteStream {
  let seen = 0;
  const out = new Writable({
    write(_chunk, _encoding, done) {
      seen += 1;
      const isClosed = seen > taken;
      setImmediate(() => done(isClosed ? Object.assign(new Error(code), { code }) : null));
    },
  });
  return out as unknown as NodeJS.WriteStream;
}

it('all bytes are written when the reader takes them', async () => {
  const written = await toStandardOutput(chunks('a', 'b'), signal, pipeClosedAfter(9, 'EPIPE'));
  expect(written).toBe('written');
});

it.each([0, 1])(
  'a reader that closes the pipe before the last bytes has not read all (%d taken)',
  async (taken) => {
    const out = pipeClosedAfter(taken, 'EPIPE');
    expect(await toStandardOutput(chunks('a', 'b'), signal, out)).toBe('reader-gone');
  },
);

it('the last bytes that cannot be written are an error', async () => {
  const out = pipeClosedAfter(1, 'ENOSPC');
  await expect(toStandardOutput(chunks('a', 'b'), signal, out)).rejects.toThrow(/ENOSPC/);
});
