import { expect, test } from 'vitest';
import { readsSealedOnly } from './agreement.ts';

const reader = { encryption: { recipients: [], identityFile: '/dev/shm/identity.txt' } };

test('gprestore refuses plain sets where an identity is, unless the options say off', () => {
  expect(readsSealedOnly(reader, {})).toBe(true);
  expect(readsSealedOnly({}, { encryption: 'on' })).toBe(true);
  expect(readsSealedOnly(reader, { encryption: 'off' })).toBe(false);
  expect(readsSealedOnly({}, {})).toBe(false);
});
