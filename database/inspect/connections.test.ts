import { expect, test } from 'vitest';
import { type ConnectionLimits, judgeConnections } from './connections.ts';

const NONE: ConnectionLimits = {
  most: 57,
  used: 0,
  usedByRole: 0,
  usedInDatabase: 0,
  roleLimit: -1,
  databaseLimit: -1,
  superuser: false,
};
const judge = (limits: Partial<ConnectionLimits>, needed = 7) =>
  judgeConnections({ ...NONE, ...limits }, needed, { user: 'backup', database: 'My shop' });

test('a server with enough free connections passes, up to the last one', () => {
  expect(judge({ used: 50 })).toEqual({
    name: 'connections',
    ok: true,
    detail: '7 of 57 are free; a backup needs 7',
  });
  expect(judge({ used: 51 })).toMatchObject({
    ok: false,
    detail: expect.stringMatching(/^6 of 57 are free; a backup needs 7\. End other sessions/),
  });
});

test('more sessions than max_connections allows leave none free', () => {
  expect(judge({ used: 60 }).detail).toMatch(/^0 of 57 are free/);
});

test.each([
  ['roleLimit', { roleLimit: 8, usedByRole: 2 }, 'ALTER ROLE "backup" CONNECTION LIMIT 9'],
  [
    'databaseLimit',
    { databaseLimit: 10, usedInDatabase: 5 },
    'ALTER DATABASE "My shop" CONNECTION LIMIT 12',
  ],
])('a %s that is too low fails, with the statement that raises it', (_, limits, statement) => {
  const found = judge(limits);
  expect(found.ok).toBe(false);
  expect(found.detail).toContain(statement);
  expect(found.detail).not.toContain('max_connections');
  expect(judge({ ...limits, superuser: true })).toMatchObject({ ok: true });
});

test('a limit with room is shown and passes', () => {
  expect(judge({ roleLimit: 9, usedByRole: 2 })).toEqual({
    name: 'connections',
    ok: true,
    detail:
      '57 of 57 are free; role "backup" may open 7 more (CONNECTION LIMIT 9); a backup needs 7',
  });
});
