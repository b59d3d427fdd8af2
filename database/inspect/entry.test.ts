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

test('a refusal by pg_hba.conf comes with the line that would let us in', async () => {
  const error = new Error(
    'no pg_hba.conf entry for host "10.0.0.9", user "backup", database "shop", SSL off',
  );
  const detail = await refusalOf(error, target);
  expect(detail).toContain(
    'pg_hba.conf of sdw1:6001 "host shop backup 10.0.0.9/32 md5", then gpstop -u',
  );
  expect(detail).not.toContain('secret');
});

test('the line is for the database that was asked for, its address of either kind, and its name quoted', async () => {
  const error = new Error(
    'no pg_hba.conf entry for host "fd00::9", user "me too", database "postgres", SSL on',
  );
  const detail = await refusalOf(error, { ...target, user: 'me too' });
  expect(detail).toContain('"host postgres "me too" fd00::9/128 md5"');
});

test('a line that rejects must be passed by one above it', async () => {
  const error = new Error(
    'pg_hba.conf rejects connection for host "10.0.0.9", user "backup", database "shop"',
  );
  expect(await refusalOf(error, target)).toMatch(
    /above the line that rejects.*host shop backup 10\.0\.0\.9\/32/,
  );
});

test('another failure is told as it is', async () => {
  expect(await refusalOf(new Error('connect ECONNREFUSED 10.0.0.1:6001'), target)).toBe(
    'connect ECONNREFUSED 10.0.0.1:6001',
  );
});
