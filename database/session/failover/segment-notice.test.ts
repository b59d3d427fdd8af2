import { EventEmitter } from 'node:events';
import type { Client } from 'pg';
import { expect, test } from 'vitest';
import { contentIn } from './named-segment.ts';
import { hearsLog, nameSegmentsOf } from './segment-notice.ts';

/** As Greenplum 6.24.3 said it. */
const NOTICE =
  'error occurred while ending COPY: Primary segment 0, dbid 2, with error: server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally';
const LOST = 'MPP detected 1 segment failures, system is reconnected';

/** The messages of the errors that the client gets. */
function errorsAfter(...received: readonly (readonly ['notice' | 'error', string, string?])[]) {
  const connection = new EventEmitter();
  const client = Object.assign(new EventEmitter(), { connection });
  nameSegmentsOf(client as unknown as Client);
  const errors: Error[] = [];
  connection.on('errorMessage', (error: Error) => errors.push(error));
  for (const [kind, message, code = '58M01'] of received) {
    if (kind === 'notice') client.emit('notice', { message });
    else connection.emit('errorMessage', Object.assign(new Error(message), { code }));
  }
  return errors;
}

test('the error of a COPY names the segment that the log has named before', () => {
  const [error] = errorsAfter(
    ['notice', 'Segment still in copy out'],
    ['notice', NOTICE],
    ['error', LOST],
  );
  expect(error?.message).toBe(
    `${LOST}; lost: content 0 (server closed the connection unexpectedly)`,
  );
  expect(contentIn(error)).toBe(0);
});

test('an error of another cause, and a later error, stay as they are', () => {
  const other = errorsAfter(['notice', NOTICE], ['error', 'no', '22012'], ['error', LOST]);
  expect(other.map(({ message }) => message)).toEqual(['no', LOST]);
});

test.each([
  [{ content: -1, greenplum: 6 as const }, 'backup', true],
  [{ content: -1, greenplum: 7 as const }, 'restore', true],
  [{ content: -1, greenplum: 6 as const }, 'probe', false],
  [{ content: 0, greenplum: 6 as const }, 'backup', false],
  [{ content: -1 }, 'backup', false],
] as const)('the log of %o is sent to a session for a %s: %s', (of, purpose, hears) => {
  const target = { host: 'mdw', port: 5432, database: 'd', user: 'u', ...of };
  expect(hearsLog(target, { purpose, applicationName: 'stowage' })).toBe(hears);
});
