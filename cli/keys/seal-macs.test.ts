import { expect, test } from 'vitest';
import { encode, FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { Seal } from '../../backup-set/documents/seal.ts';
import { coordinatorMac, sealMac } from '../../frame/seal/derive.ts';
import { withMacs } from '../backup/documents/seal.ts';
import { coordinatorFault, originalFault, sealFault } from './seal-macs.ts';

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

test('a seal is proven to a coordinator with the digest key, also with a field of a later version', () => {
  const digestKey = Buffer.alloc(32, 3);
  const whole = Buffer.from(encode(Seal, withMacs(seal, { setKey, digestKey }))).toString();
  expect(coordinatorFault(digestKey, raw(whole))).toBeUndefined();
  expect(sealFault(setKey, raw(whole))).toBeUndefined();
  expect(coordinatorFault(Buffer.alloc(32, 4), raw(whole))).toMatch(/another digest key/);
  expect(coordinatorFault(digestKey, raw(whole.replace('12:00:01', '12:00:02')))).toMatch(
    /another digest key/,
  );
  const later = Buffer.from(encode(Seal, seal))
    .toString()
    .replace('"failures"', '"later":1,"failures"');
  const own = coordinatorMac(digestKey, Buffer.from(later));
  const signedLater = signed(later.replace(/\}\n$/, `,"coordinatorMac":"${own}"}\n`));
  expect(coordinatorFault(digestKey, raw(signedLater))).toBeUndefined();
});

test('the seal of a conversion is proven with the key of its original, with and without a digest key', () => {
  const originalKey = Buffer.alloc(32, 5);
  for (const digestKey of [undefined, Buffer.alloc(32, 3)]) {
    const keys = { setKey, digestKey, originalKey };
    const whole = Buffer.from(encode(Seal, withMacs(seal, keys))).toString();
    expect(originalFault(originalKey, raw(whole))).toBeUndefined();
    expect(sealFault(setKey, raw(whole))).toBeUndefined();
    if (digestKey) expect(coordinatorFault(digestKey, raw(whole))).toBeUndefined();
    expect(originalFault(setKey, raw(whole))).toMatch(/differs/);
    expect(originalFault(originalKey, raw(whole.replace('12:00:01', '12:00:02')))).toMatch(
      /differs/,
    );
  }
});

test('a seal of an earlier program, which has one mac, is not proven to a coordinator', () => {
  const whole = encode(Seal, withMacs(seal, { setKey, digestKey: undefined }));
  const fault = coordinatorFault(Buffer.alloc(32, 3), { key: 'seal.json', bytes: whole });
  expect(fault).toMatch(/has no coordinatorMac/);
});
