import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StowageError } from '../base/errors.ts';
import { hasSecretKey, printedValue, redactor, withoutSecrets } from './secrets.ts';

test.each([
  ['  password: sekrit', '  password: …'],
  ['  password:sekrit', '  password:…'],
  ['  password sekrit', '  password …'],
  ['{user: a, "apiKey":"sekrit"}', '{user: a, "apiKey":…'],
  ['secretFile: /etc/stowage/secret', 'secretFile: /etc/stowage/secret'],
  ['endpoint: https://a:sekrit@h:9000', 'endpoint: https://…@h:9000'],
  [
    'webhook: {url: "https://hooks.example.org/T0/sekrit"}',
    'webhook: {url: "https://hooks.example.org/…"}',
  ],
  ['  url: https://h:8080/x?sig=sekrit # chat', '  url: https://h:8080/… # chat'],
  ['  url: https://hooks.example.org', '  url: https://hooks.example.org'],
  ['root: s3://bucket/prefix/of/it', 'root: s3://bucket/prefix/of/it'],
  ['recipients: [AGE-SECRET-KEY-1QQPZ, age1x]', 'recipients: [AGE-SECRET-KEY-…, age1x]'],
  ['  - age-secret-key-1qqpz', '  - AGE-SECRET-KEY-…'],
])('the line %j is printed as %j', (line, printed) => {
  expect(withoutSecrets(line)).toBe(printed);
});

test('the URL of a webhook is printed without what follows its host', () => {
  expect(printedValue('url', 'https://hooks.example.org/T0/sekrit')).toBe(
    'https://hooks.example.org/…',
  );
  expect(printedValue('root', 's3://bucket/prefix')).toBe('s3://bucket/prefix');
  expect(printedValue('apiKey', 'sekrit')).toBe('…');
});

const BECH32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const secretKey = fc
  .tuple(fc.array(fc.constantFrom(...BECH32), { minLength: 58, maxLength: 58 }), fc.boolean())
  .map(([chars, isLower]) => {
    const key = `AGE-SECRET-KEY-1${chars.join('').toUpperCase()}`;
    return isLower ? key.toLowerCase() : key;
  });

test('a secret key of age is in no error, and in no line of a program, whatever stands around it', () => {
  const redact = redactor({});
  fc.assert(
    fc.property(fc.string(), secretKey, fc.string(), (before, key, after) => {
      const text = `${before}${key}${after}`;
      const error = new StowageError('internal', text, { where: { object: text, field: text } });
      const lines = [error.message, JSON.stringify(error.where), withoutSecrets(text)];
      for (const line of [...lines, redact(text), redact(JSON.stringify({ [text]: [text] }))]) {
        expect(hasSecretKey(line)).toBe(false);
        expect(line.toLowerCase()).not.toContain(key.slice(20, 40).toLowerCase());
      }
    }),
  );
});

test('the secrets of S3 in the environment are not printed, short words of test servers are', () => {
  const env = { AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPx', AWS_SESSION_TOKEN: 'token' };
  const redact = redactor(env);
  expect(redact('--x=wJalrXUtnFEMI/K7MDENG+bPx of token')).toBe('--x=… of token');
  expect(redact('was "wJalrXUtnFEMI/K7M…')).toBe('was "……');
  expect(redact('an identity begins with AGE-SECRET-KEY-1…')).toContain('AGE-SECRET-KEY-1…');
});
