import { createHash, createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decode, encode, FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { Dispatched } from '../../backup-set/documents/agents.ts';
import { withoutKeys } from '../../backup-set/messages/secrets.ts';
import { publicKeyOf, publicKeyProblem } from './public-keys.ts';
import { SignedBy } from './settings.ts';
import { signatureOf, signedDocument } from './signed-document.ts';
import { newSigningKey, readSigningKey, type SigningKey } from './signing-key.ts';

const NOW = new Date('2026-01-31T12:00:00Z');
const [SET, OTHER_SET] = ['20260131120000', '20260131120001'];
const PLACE = { root: 's3://bucket/shop', key: formatKey({ kind: 'dispatched', timestamp: SET }) };
const DOCUMENT = encode(Dispatched, {
  format: 'stowage/dispatched',
  version: FORMAT_VERSION,
  timestamp: SET,
  dispatchedAt: NOW.toISOString(),
});

let folder = '';
let [own, other] = [] as unknown as [SigningKey, SigningKey];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stowage-signing-'));
  [own, other] = [await keyFrom(newSigningKey(NOW).text), await keyFrom(newSigningKey(NOW).text)];
});
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function keyFrom(text: string, mode = 0o600): Promise<SigningKey> {
  const file = join(folder, `${++files}.key`);
  writeFileSync(file, text, { mode });
  return readSigningKey(file);
}

const signed = () => signedDocument(own, PLACE, DOCUMENT);

describe('a signed document', () => {
  test('is what its key has signed, and readers that know no signature read it', () => {
    expect(signatureOf([other.publicKey, own.publicKey], PLACE, signed())).toEqual({
      by: own.publicKey,
    });
    const {
      signedBy,
      signature: _,
      ...rest
    } = decode(Dispatched, { key: PLACE.key, bytes: signed() });
    expect(signedBy).toBe(own.publicKey);
    expect(encode(Dispatched, rest)).toEqual(DOCUMENT);
  });

  test('is described by docs/format.md: an independent computation verifies it', () => {
    const read: unknown = JSON.parse(Buffer.from(signed()).toString());
    const { signedBy, signature, ...rest } = read as Record<'signedBy' | 'signature', string>;
    const sha256 = createHash('sha256')
      .update(`${JSON.stringify(rest)}\n`)
      .digest('hex');
    const statement = `stowage/1 order\n${JSON.stringify({ ...PLACE, signedBy, sha256 })}`;
    const key = createPublicKey(publicKeyOf(signedBy).export({ format: 'pem', type: 'spki' }));
    expect(verify(null, Buffer.from(statement), key, Buffer.from(signature, 'base64'))).toBe(true);
  });

  test('is refused when another key than a trusted one has signed it', () => {
    const foreign = signedDocument(other, PLACE, DOCUMENT);
    expect(signatureOf([own.publicKey], PLACE, foreign)).toEqual({
      problem: `it is signed by another key (${other.publicKey})`,
      other: other.publicKey,
    });
    const renamed = Buffer.from(
      Buffer.from(foreign).toString().replace(other.publicKey, own.publicKey),
    );
    expect(signatureOf([own.publicKey], PLACE, renamed)).toMatchObject({
      problem: expect.stringContaining('is not of this document'),
    });
  });

  test('is refused when it has no signature', () => {
    const unsigned = { problem: 'it is not signed' };
    expect(signatureOf([own.publicKey], PLACE, DOCUMENT)).toEqual(unsigned);
    expect(signatureOf([own.publicKey], PLACE, Buffer.alloc(0))).toEqual(unsigned);
    expect(signatureOf([own.publicKey], PLACE, signed().subarray(0, -1))).toEqual(unsigned);
  });

  test.each([
    ['root', { root: 's3://bucket/other' }],
    ['set', { key: formatKey({ kind: 'dispatched', timestamp: OTHER_SET }) }],
    ['kind', { key: formatKey({ kind: 'backup-order', timestamp: SET, content: 0 }) }],
    ['restore', { key: 'restores/20260131120000000-0123abcd/keys/signed.json' }],
  ])('is refused at the place of another %s', (_, moved) => {
    expect(signatureOf([own.publicKey], { ...PLACE, ...moved }, signed())).toHaveProperty(
      'problem',
    );
  });

  test('of one content is refused for another', () => {
    const at = (content: number) => ({
      ...PLACE,
      key: formatKey({ kind: 'backup-order', timestamp: SET, content }),
    });
    const bytes = signedDocument(own, at(1), DOCUMENT);
    expect(signatureOf([own.publicKey], at(1), bytes)).toEqual({ by: own.publicKey });
    expect(signatureOf([own.publicKey], at(11), bytes)).toHaveProperty('problem');
  });

  test('is refused when its signature is written in another way', () => {
    const text = Buffer.from(signed()).toString();
    const [, last = ''] = /(.)=="\}\n$/.exec(text) ?? [];
    const next = String.fromCharCode(last.charCodeAt(0) + 1);
    const other = text.replace(/.=="\}\n$/, `${next}=="}\n`);
    expect(signatureOf([own.publicKey], PLACE, Buffer.from(other))).toHaveProperty('problem');
  });

  test('is refused when any bit is flipped, or bytes are added or cut', () => {
    const bytes = signed();
    const position = fc.record({
      at: fc.nat(bytes.length - 1),
      bit: fc.nat(7),
      how: fc.constantFrom('flip', 'insert', 'remove'),
    });
    fc.assert(
      fc.property(position, ({ at, bit, how }) => {
        const changed = Buffer.from(bytes);
        changed[at] = (bytes[at] as number) ^ (1 << bit);
        const [before, after] = [
          bytes.subarray(0, at),
          bytes.subarray(at + (how === 'remove' ? 1 : 0)),
        ];
        const cut = Buffer.concat([
          before,
          how === 'insert' ? Buffer.of(bit) : Buffer.alloc(0),
          after,
        ]);
        const attempt = signatureOf([own.publicKey], PLACE, how === 'flip' ? changed : cut);
        return 'problem' in attempt;
      }),
    );
  });
});

describe('a signing key', () => {
  test('is read from its file, whose mode lets no other user in', async () => {
    const { text, publicKey } = newSigningKey(NOW);
    expect((await keyFrom(text)).publicKey).toBe(publicKey);
    await expect(keyFrom(text, 0o644)).rejects.toMatchObject({
      code: 'config/invalid',
      message: expect.stringMatching(/^shippers\.signingKeyFile: .*chmod 600/),
    });
  });

  test('that is no key is refused, and no message or log has a part of it', async () => {
    const { text, publicKey } = newSigningKey(NOW);
    const [secret = ''] = /STOWAGE-SIGNING-KEY-\w+/.exec(text) ?? [];
    expect(withoutKeys(`a ${secret} b`)).toBe('a STOWAGE-SIGNING-KEY-… b');
    const wrong = [secret.slice(0, -1), `${secret}\n${secret}`, publicKey, ''];
    for (const content of wrong) {
      const error = await keyFrom(content).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'config/invalid' });
      expect(String(error)).not.toContain(secret.slice(22, 40));
    }
  });

  test('is not accepted as a public key, nor is one with a wrong character', () => {
    const { text, publicKey } = newSigningKey(NOW);
    const [secret = ''] = /STOWAGE-SIGNING-KEY-\w+/.exec(text) ?? [];
    expect(publicKeyProblem(publicKey)).toBeUndefined();
    expect(publicKeyProblem(secret)).toContain('is the secret signing key');
    const last = publicKey.endsWith('q') ? 'p' : 'q';
    expect(publicKeyProblem(`${publicKey.slice(0, -1)}${last}`)).toContain('wrong checksum');
    const issues = JSON.stringify(SignedBy.safeParse([secret]).error?.issues);
    expect(issues).not.toContain(secret.slice(22, 40));
    expect(SignedBy.safeParse([publicKey, publicKey]).success).toBe(false);
  });
});
