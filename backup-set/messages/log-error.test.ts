import pino from 'pino';
import { expect, test } from 'vitest';
import { StowageError } from '../base/errors.ts';
import { withOwnMessage } from './log-error.ts';

function logged(value: unknown): Record<string, unknown> {
  const lines: string[] = [];
  const log = pino(
    { serializers: { err: withOwnMessage(pino.stdSerializers.err) } },
    { write: (line) => void lines.push(line) },
  );
  log.error({ err: value }, 'it failed');
  return (JSON.parse(lines.join('')) as { err: Record<string, unknown> }).err;
}

test('a logged error has its own message once, its code and place, and the stack of its cause', () => {
  const cause = new Error('no such file');
  const where = { object: 'a.json' };
  const error = new StowageError('set/damaged', 'cannot read a.json: no such file', {
    cause,
    where,
  });
  expect(logged(error)).toMatchObject({
    type: 'StowageError',
    message: 'cannot read a.json: no such file',
    code: 'set/damaged',
    where,
    stack: expect.stringContaining('caused by: Error: no such file') as string,
  });
});

test('a logged value that is not an error stays as it is', () => {
  expect(logged({ code: 1 })).toEqual({ code: 1 });
});
