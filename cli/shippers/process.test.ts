import pino from 'pino';
import { describe, expect, it } from 'vitest';
import type { Job } from '../../segment-shipper/protocol/control.ts';
import { startShipper } from './process.ts';

const HELLO = { type: 'hello', control: 1, pid: 1, tool: 'stowage' };
const DONE = { type: 'done', peakMemoryBytes: 1, cpuMs: 1 };

/** A shipper that says this and ends with this exit code. */
async function endOf(lines: readonly unknown[], code: number): Promise<unknown> {
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  const script = `process.stdout.write(${JSON.stringify(text)}); process.exitCode = ${code};`;
  const shipper = startShipper({
    job: { content: 3 } as Job,
    host: 'db3',
    command: [process.execPath, '-e', script],
    onReport: () => undefined,
    log: pino({ level: 'silent' }),
  });
  return shipper.ended.then(
    () => 'ended',
    (error: unknown) => error,
  );
}

describe('a shipper has done its work', () => {
  it('when it says so and ends with exit code 0', async () => {
    expect(await endOf([HELLO, DONE], 0)).toBe('ended');
  });

  it.each([
    ['an exit code of 0 without its word, as when its event loop drained', [HELLO], 0],
    ['nothing at all', [], 0],
    ['its word and another exit code', [HELLO, DONE], 1],
  ])('and not by %s', async (_, lines, code) => {
    expect(await endOf(lines, code)).toMatchObject({
      code: 'shipper/died',
      message: expect.stringMatching(/content 3 on db3 ended with exit code \d before it was done/),
    });
  });

  it('and not when it said that it failed', async () => {
    const failed = { type: 'failed', code: 'storage/denied', message: 'no' };
    expect(await endOf([HELLO, failed], 0)).toMatchObject({ code: 'storage/denied' });
  });
});
