import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { CONTROL_VERSION, type Job } from '../../segment-shipper/protocol/control.ts';
import { startShipper } from './process.ts';

const HELLO = { type: 'hello', control: CONTROL_VERSION, pid: 1, tool: 'stowage' };
const DONE = { type: 'done', peakMemoryBytes: 1, cpuMs: 1 };

/** Starts a shipper that prints these reports and exits with this code; returns how it ended. */
async function endOf(lines: readonly unknown[], code: number, log = ''): Promise<unknown> {
  const text = lines
    .map((line) => (typeof line === 'string' ? line : `${JSON.stringify(line)}\n`))
    .join('');
  const script = `process.stdout.write(${JSON.stringify(text)}); process.stderr.write(${JSON.stringify(log)}); process.exitCode = ${code};`;
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

  it.each([
    ['lines', ['Welcome to db3\n', 'Last login: today\n\n', HELLO, DONE]],
    ['a prompt without a line end', ['db3$ ', HELLO, DONE]],
  ])('skips %s that the login shell prints before the first report', async (_, lines) => {
    expect(await endOf(lines, 0)).toBe('ended');
  });

  it('does not skip text after the first report', async () => {
    expect(await endOf([HELLO, 'Welcome\n', DONE], 0)).toMatchObject({ code: 'shipper/protocol' });
  });

  it.each([
    [
      'a missing program',
      127,
      [],
      'bash: line 1: stowage-segment-shipper: command not found\n',
      /last line of its log: bash: .*command not found; the program was not found there: install the shipper/,
    ],
    [
      'ssh that cannot log in',
      255,
      [],
      'backup@db3: Permission denied (publickey).\n',
      /Permission denied \(publickey\)\.; ssh exits with 255/,
    ],
    [
      'another program',
      0,
      ['This account is currently not available.\n'],
      '',
      /its first output: "This account is currently not available\."/,
    ],
    [
      'a Node that is too old',
      1,
      [],
      'x.js:1\nSyntaxError: Unexpected token\n    at a (b:1)\n\nNode.js v12.1.0\n',
      /last lines of its log: x\.js:1 \/ SyntaxError: Unexpected token$/,
    ],
  ])('quotes what answered: %s', async (_, code, lines, log, message) => {
    expect(await endOf(lines, code, log)).toMatchObject({
      code: 'shipper/died',
      message: expect.stringMatching(message) as string,
    });
  });

  it('names both versions when the protocol fails', async () => {
    const failed = { type: 'failed', code: 'shipper/protocol', message: 'no' };
    expect(await endOf([HELLO, failed], 2)).toMatchObject({
      message: expect.stringMatching(
        /the shipper there is stowage, and this command is /,
      ) as string,
    });
  });
});
