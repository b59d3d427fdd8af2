import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONTROL_VERSION, Job, Report } from './control.ts';
import { linesOf, parseLine, readLines } from './ndjson.ts';

async function* split(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const SECRET = 'hunter2-&-correct-horse';

describe('linesOf', () => {
  it('yields the same lines wherever the stream is split, also inside a character', async () => {
    const line = fc
      .string({ unit: 'grapheme', maxLength: 30 })
      .map((text) => text.replaceAll('\n', ''));
    await fc.assert(
      fc.asyncProperty(
        fc.array(line),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        fc.boolean(),
        async (lines, sizes, ended) => {
          const bytes = Buffer.from(lines.join('\n') + (ended ? '\n' : ''));
          expect(await Array.fromAsync(linesOf(split(bytes, sizes)))).toEqual(
            lines.filter((each) => each !== ''),
          );
        },
      ),
    );
  });

  it('rejects a line that is too long before memory runs out', async () => {
    const endless = async function* () {
      const chunk = 'x'.repeat(16 * 1024 * 1024);
      for (;;) yield chunk;
    };
    await expect(linesOf(endless()).next()).rejects.toMatchObject({ code: 'shipper/protocol' });
  });
});

describe('parseLine', () => {
  it.each([
    ['not JSON', `{"type":"backup","target":{"password":"${SECRET}"`],
    ['not an object', JSON.stringify([SECRET])],
    ['an unknown type', JSON.stringify({ type: SECRET })],
    [
      'a password of another type',
      JSON.stringify({ type: 'restore', target: { password: { a: SECRET } } }),
    ],
    [
      'a secret in place of a number',
      JSON.stringify({ control: CONTROL_VERSION, type: 'restore', workers: SECRET }),
    ],
    ['another version', JSON.stringify({ control: 2, type: 'restore', password: SECRET })],
  ])('rejects %s without quoting the line', (_, line) => {
    let error: unknown;
    try {
      parseLine(line, Job);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'shipper/protocol' });
    const texts = [error, (error as Error).cause, (error as Error).stack].map(String).join();
    expect(texts).not.toContain(SECRET);
  });
});

describe('readLines', () => {
  it('yields the reports of a stream until one is invalid', async () => {
    const done = { type: 'done', peakMemoryBytes: 1, cpuMs: 2 };
    const reports = readLines(
      split(Buffer.from(`${JSON.stringify(done)}\n{"type":"done"}\n`), [7]),
      Report,
    );
    expect((await reports.next()).value).toEqual(done);
    await expect(reports.next()).rejects.toMatchObject({ code: 'shipper/protocol' });
  });
});
