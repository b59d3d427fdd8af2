import { expect, test } from 'vitest';
import { printedValue, withoutSecrets } from './secrets.ts';

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
