import { expect, test } from 'vitest';
import { judgeProduct } from './product.ts';

const told = (version: string, recovering = false) =>
  judgeProduct({ version, release: '', encoding: 'UTF8', recovering }).check;

test('6 and 7 are supported', () => {
  expect(told('PostgreSQL 9.4.26 (Greenplum Database 6.24.3 build commit:25d) on x86_64')).toEqual({
    name: 'server',
    ok: true,
    detail: 'Greenplum 6.24.3 (PostgreSQL 9.4.26), UTF8',
  });
  expect(
    told('PostgreSQL 12.12 (Greenplum Database 7.1.0 build commit:4f) on x86_64'),
  ).toMatchObject({
    ok: true,
  });
});

test.each([
  ['PostgreSQL 8.3.23 (Greenplum Database 5.29.0 build 1) on x86_64', 'only 6 and 7'],
  ['PostgreSQL 16.1 (Greenplum Database 8.0.0 build 1) on x86_64', 'only 6 and 7'],
  ['PostgreSQL 15.18 (Debian 15.18-0) on x86_64', 'flavour is shards'],
])('%s says that it is not', (version, words) => {
  expect(told(version)).toMatchObject({ ok: false, detail: expect.stringContaining(words) });
});

test.each([
  [
    'PostgreSQL 14.4 (Apache Cloudberry 2.0.0-incubating build 1) on x86_64',
    'taken for a Greenplum 7',
  ],
  ['PostgreSQL 12beta2 (Greenplum Database 7.0.0-alpha.0 build dev) on x86_64', 'a pre-release'],
])('%s is remarked', (version, words) => {
  expect(told(version)).toMatchObject({
    ok: true,
    remark: true,
    detail: expect.stringContaining(words),
  });
});

test('a standby cannot be backed up', () => {
  const version = 'PostgreSQL 9.4.26 (Greenplum Database 6.24.3 build 1) on x86_64';
  expect(told(version, true)).toMatchObject({
    ok: false,
    detail: expect.stringContaining('a standby'),
  });
});
