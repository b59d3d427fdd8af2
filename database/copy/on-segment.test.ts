import { expect, it } from 'vitest';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { Session } from '../session/session.ts';
import { copyToPrograms } from './on-segment.ts';

const table = { schema: 'public', name: 'b', columns: ['v'] };

/** A session whose server rejects the statement. */
function rejecting(message: string): Session {
  const cause = Object.assign(new Error(message), { code: 'XX000', severity: 'ERROR' });
  const error = new StowageError('database/failed', `cannot copy: ${message}`, { cause });
  const run = () => Promise.reject(error);
  return { run, mayBeSilent: () => ({ [Symbol.dispose]: () => undefined }) } as unknown as Session;
}
const copy = (session: Session) =>
  copyToPrograms(session, table, 'cat', { encoding: 'UTF8', everywhere: true });

it('a dispatched COPY of a row that is too long names the table, and the mechanism that reads it', async () => {
  const session = rejecting(
    'invalid memory alloc request size 1258291203  (seg0 127.0.0.1:7001 pid=1)',
  );
  await expect(copy(session)).rejects.toMatchObject({
    code: 'database/row-too-long',
    message: expect.stringContaining('With backup.snapshot: barrier') as string,
    where: { relation: 'public.b' },
  });
});

it('a dispatched COPY that fails for another reason keeps its error', async () => {
  await expect(copy(rejecting('division by zero'))).rejects.toMatchObject({
    code: 'database/failed',
    message: 'cannot copy: division by zero',
  });
});
