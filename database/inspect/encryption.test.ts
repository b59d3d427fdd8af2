import { expect, test } from 'vitest';
import { checkEncryption } from './encryption.ts';

const target = { host: 'db1', port: 5432, database: 'd', user: 'u' };

test('a connection in clear is a note only when it leaves the host', () => {
  const away = checkEncryption({ target, wire: { encrypted: false, leavesHost: true } });
  expect(away).toMatchObject({ ok: true, remark: true });
  expect(away.detail).toMatch(/cross the network in clear.*db1:5432.*verify-full/);
  const here = checkEncryption({ target, wire: { encrypted: false, leavesHost: false } });
  expect(here.remark).toBeUndefined();
});

test('the detail of an encrypted connection says whether the server was verified', () => {
  const wire = { encrypted: true, leavesHost: true, protocol: 'TLSv1.3' };
  const of = (sslmode: 'prefer' | 'verify-full') =>
    checkEncryption({ target: { ...target, sslmode }, wire }).detail;
  expect(of('prefer')).toBe(
    'TLSv1.3; sslmode prefer does not prove which server this is: verify-full does',
  );
  expect(of('verify-full')).toBe("TLSv1.3; the server's certificate is verified for this host");
});
