import { expect, test } from 'vitest';
import { stripPasswords } from './role-passwords.ts';

const hash = 'md55abb7a7f02d33cf00653b1b5ed190c05';

test.each([
  [
    `ALTER ROLE ann WITH NOSUPERUSER LOGIN PASSWORD '${hash}' RESOURCE QUEUE pg_default;`,
    'ALTER ROLE ann WITH NOSUPERUSER LOGIN RESOURCE QUEUE pg_default;',
  ],
  [
    `ALTER ROLE "o'dd ""x\n PASSWORD 'a' " WITH LOGIN CONNECTION LIMIT 5 PASSWORD '${hash}' VALID UNTIL 'infinity';`,
    `ALTER ROLE "o'dd ""x\n PASSWORD 'a' " WITH LOGIN CONNECTION LIMIT 5 VALID UNTIL 'infinity';`,
  ],
  [`ALTER ROLE bob WITH LOGIN PASSWORD 'it''s' ;\n`, 'ALTER ROLE bob WITH LOGIN ;\n'],
])('a role keeps everything but its password: %s', (line, expected) => {
  expect(stripPasswords(line)).toBe(expected);
});

test('globals without a password are unchanged', () => {
  const text = `CREATE ROLE ann;\nCOMMENT ON ROLE ann IS 'her PASSWORD ''x'' is written nowhere';\n`;
  expect(stripPasswords(text)).toBe(text);
});
