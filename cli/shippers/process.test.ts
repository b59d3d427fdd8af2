import pino from 'pino';
import { describe, expect, it } from 'vitest';
import type { Job } from '../../segment-shipper/protocol/control.ts';
import { startShipper } from './process.ts';

const HELLO = { type: 'hello', control: 1, pid: 1, tool: 'stowage' };
const DONE = { type: 'done', peakMemoryBytes: 1, cpuMs: 1 };

/** Starts a shipper that prints these reports and exits with this code; returns how it ended. */
async function endOf(lines: readonly unknown[], code: number): Promise<unknown> {
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  const script = `process.stdout.write(${JSON.stringify(text)}); process.exitCode = ${code};`;
  const shipper = startShipper({
    job: { content: 3, target: {} } as Job,
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

describe('startShipper', () => {
  it('takes the report "done" and exit code 0 for success', async () => {
    expect(await endOf([HELLO, DONE], 0)).toBe('ended');
  });

  it.each([
    ['exit code 0 without "done", as after a drained event loop', [HELLO], 0],
    ['exit code 0 without any report', [], 0],
    ['"done" with exit code 1', [HELLO, DONE], 1],
  ])('takes %s for a failure', async (_, lines, code) => {
    expect(await endOf(lines, code)).toMatchObject({
      code: 'shipper/died',
      message: expect.stringMatching(
        /content 3 on db3 exited with code \d before it reported "done"/,
      ),
    });
  });

  it('passes on the error of a report "failed"', async () => {
    const failed = { type: 'failed', code: 'storage/denied', message: 'no' };
    expect(await endOf([HELLO, failed], 0)).toMatchObject({ code: 'storage/denied' });
  });
});
