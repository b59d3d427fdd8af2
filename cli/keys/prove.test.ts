import { expect, test } from 'vitest';
import { encode, FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { Seal } from '../../backup-set/documents/seal.ts';
import { sealMac } from '../../frame/seal/derive.ts';
import { sealFault } from './prove.ts';

const setKey = Buffer.alloc(32, 1);
const seal: Seal = {
  format: 'stowage/seal',
  version: FORMAT_VERSION,
  timestamp: '20260131120000',
  sealedAt: '2026-01-31T12:00:01.000Z',
  planSha256: '0'.repeat(64),
  outcome: 'counted',
  contents: [],
  failures: [],
};
const raw = (text: string) => ({ key: 'seal.json', bytes: Buffer.from(text) });
const signed = (text: string) =>
  text.replace(/\}\n$/, `,"mac":"${sealMac(setKey, Buffer.from(text))}"}\n`);

test('a seal is proven as its coordinator writes it', () => {
  const plain = encode(Seal, seal);
  const whole = encode(Seal, { ...seal, mac: sealMac(setKey, plain) });
  expect(sealFault(setKey, { key: 'seal.json', bytes: whole })).toBeUndefined();
  expect(sealFault(Buffer.alloc(32, 2), { key: 'seal.json', bytes: whole })).toMatch(/not the one/);
});

test('a seal with a field of a later version is proven, with that field', () => {
  const later = Buffer.from(encode(Seal, seal))
    .toString()
    .replace('"failures"', '"later":1,"failures"');
  expect(sealFault(setKey, raw(signed(later)))).toBeUndefined();
  expect(sealFault(setKey, raw(signed(later).replace('"later":1', '"later":2')))).toMatch(
    /not the one/,
  );
});

test('a seal without a mac, or with bytes behind it, is not proven', () => {
  const plain = Buffer.from(encode(Seal, seal)).toString();
  for (const text of [plain, signed(plain).replace(/\}\n$/, ',"later":1}\n')])
    expect(sealFault(setKey, raw(text))).toMatch(/not the one/);
});
