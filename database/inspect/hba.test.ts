import { describe, expect, test } from 'vitest';
import { admissionOf, type HbaClient } from './hba.ts';

const client: HbaClient = { database: 'shop', user: 'backup', address: '10.0.0.5', tls: false };

describe('the admission of a shipper by pg_hba.conf', () => {
  test.each([
    ['host all all 10.0.0.5/32 trust', 'trust'],
    ['host all all 10.0.0.0/8 md5', 'md5'],
    ['host all all 10.0.0.0 255.255.255.0 md5', 'md5'],
    ['host all all samehost trust', 'trust'],
    ['host all all samenet trust', 'trust'],
    ['host all all all scram-sha-256', 'scram-sha-256'],
    ['host\tother,shop\tgpadmin, backup 0.0.0.0/0 ident map=m # nightly', 'ident'],
    ['host "shop" "backup" 10.0.0.5/32 trust', 'trust'],
    ['hostnossl all all 10.0.0.5/32 trust', 'trust'],
  ])('%s: lets it in', (line, method) => {
    expect(admissionOf(`# comment\n\n${line}\n`, client)).toEqual({
      kind: 'decided',
      line: 3,
      method,
    });
  });

  test.each([
    'local all all trust',
    'hostssl all all 10.0.0.5/32 trust',
    'host all all 10.0.0.6/32 trust',
    'host all all 10.0.0.0 255.255.255.252 trust',
    'host all all ::/0 trust',
    'host replication all 10.0.0.5/32 trust',
    'host sameuser all 10.0.0.5/32 trust',
    'host "all" all 10.0.0.5/32 trust',
    'host all "all" 10.0.0.5/32 trust',
    'host shopping backup 10.0.0.5/32 trust',
    '# host all all 10.0.0.5/32 trust',
  ])('%s: is not about it', (line) => {
    expect(admissionOf(line, client)).toEqual({ kind: 'no line' });
  });

  test.each([
    'host all +nightly 10.0.0.5/32 trust',
    'host @databases all 10.0.0.5/32 trust',
    'host samerole all 10.0.0.5/32 trust',
    'host all all sdw1.example.org trust',
  ])('%s: only the server knows', (line) => {
    const text = `${line}\nhost all all 0.0.0.0/0 trust`;
    expect(admissionOf(text, client)).toEqual({ kind: 'unclear', line: 1, text: line });
  });

  test('is decided by the first line that matches', () => {
    const hba =
      'host all other 0.0.0.0/0 trust\nhost all backup 0.0.0.0/0 reject\nhost all all 0.0.0.0/0 trust';
    expect(admissionOf(hba, client)).toEqual({ kind: 'decided', line: 2, method: 'reject' });
  });

  test('skips a line for another address, even if its role membership is unknown', () => {
    const hba = 'host all +nightly 10.9.0.0/16 reject\nhost all all 10.0.0.5/32 trust';
    expect(admissionOf(hba, client)).toMatchObject({ kind: 'decided', line: 2 });
  });

  test('matches hostssl with TLS, IPv6 ranges and masks', () => {
    const tls: HbaClient = { ...client, address: 'fd00::5', tls: true };
    expect(
      admissionOf('hostnossl all all ::/0 trust\nhostssl all all fd00::/8 md5', tls),
    ).toMatchObject({
      line: 2,
    });
    expect(admissionOf('host all all fd00:: ffff:ffff:: md5', tls)).toMatchObject({
      line: 1,
      method: 'md5',
    });
    expect(admissionOf('host all all fd01:: ffff:ffff:: md5', tls)).toEqual({ kind: 'no line' });
  });
});
