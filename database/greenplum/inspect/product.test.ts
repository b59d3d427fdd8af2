import { expect, test } from 'vitest';
import { judgeProduct } from './product.ts';

const checkOf = (version: string, recovering = false) =>
  judgeProduct({ version, release: '', encoding: 'UTF8', recovering }).check;

test('Greenplum 6 and 7 are supported', () => {
  expect(
    checkOf('PostgreSQL 9.4.26 (Greenplum Database 6.24.3 build commit:25d) on x86_64'),
  ).toEqual({
    name: 'server',
    ok: true,
    detail: 'Greenplum 6.24.3 (PostgreSQL 9.4.26), UTF8',
  });
  expect(
    checkOf('PostgreSQL 12.12 (Greenplum Database 7.1.0 build commit:4f) on x86_64'),
  ).toMatchObject({
    ok: true,
  });
});

test.each([
  ['PostgreSQL 8.3.23 (Greenplum Database 5.29.0 build 1) on x86_64', 'only 6 and 7'],
  ['PostgreSQL 16.1 (Greenplum Database 8.0.0 build 1) on x86_64', 'only 6 and 7'],
  ['PostgreSQL 15.18 (Debian 15.18-0) on x86_64', 'flavour: shards'],
])('%s is not supported, and the check says why', (version, words) => {
  expect(checkOf(version)).toMatchObject({ ok: false, detail: expect.stringContaining(words) });
});

test.each([
  [
    'PostgreSQL 14.4 (Apache Cloudberry 2.0.0-incubating build 1) on x86_64',
    'treated as Greenplum 7',
  ],
  ['PostgreSQL 12beta2 (Greenplum Database 7.0.0-alpha.0 build dev) on x86_64', 'a pre-release'],
])('%s passes with a remark', (version, words) => {
  expect(checkOf(version)).toMatchObject({
    ok: true,
    remark: true,
    detail: expect.stringContaining(words),
  });
});

test('a standby coordinator fails the check', () => {
  const version = 'PostgreSQL 9.4.26 (Greenplum Database 6.24.3 build 1) on x86_64';
  expect(checkOf(version, true)).toMatchObject({
    ok: false,
    detail: expect.stringContaining('a standby'),
  });
});
