import { expect, test } from 'vitest';
import type { ConnectionTarget } from '../flavour.ts';
import { refusalOf } from './entry.ts';

const target: ConnectionTarget = {
  content: 1,
  host: 'sdw1',
  port: 6001,
  database: 'shop',
  user: 'backup',
  password: 'secret',
};

test('a rejection by pg_hba.conf comes with the line to add', async () => {
  const error = new Error(
    'no pg_hba.conf entry for host "10.0.0.9", user "backup", database "shop", SSL off',
  );
  const detail = await refusalOf(error, target);
  expect(detail).toContain(
    'pg_hba.conf of sdw1:6001 "host shop backup 10.0.0.9/32 md5", then gpstop -u',
  );
  expect(detail).not.toContain('secret');
});

test('the line names the requested database and an IPv6 address, and quotes a user name with a blank', async () => {
  const error = new Error(
    'no pg_hba.conf entry for host "fd00::9", user "me too", database "postgres", SSL on',
  );
  const detail = await refusalOf(error, { ...target, user: 'me too' });
  expect(detail).toContain('"host postgres "me too" fd00::9/128 md5"');
});

test('for a line that rejects, the new line must be above it', async () => {
  const error = new Error(
    'pg_hba.conf rejects connection for host "10.0.0.9", user "backup", database "shop"',
  );
  expect(await refusalOf(error, target)).toMatch(
    /above the line that rejects.*host shop backup 10\.0\.0\.9\/32/,
  );
});

test('any other error is returned unchanged', async () => {
  expect(await refusalOf(new Error('connect ECONNREFUSED 10.0.0.1:6001'), target)).toBe(
    'connect ECONNREFUSED 10.0.0.1:6001',
  );
});
