import { expect, it } from 'vitest';
import { passwordIn } from './password-file.ts';

const target = { host: 'db:1', port: 5432, database: 'sales', user: 'backup' };

it('the password is that of the first line that matches, with stars and escapes', () => {
  const content =
    '# comment\nother:*:*:*:wrong\ndb\\:1:5432:sales:backup:se\\:cret\\\\\n*:*:*:*:later\n';
  expect(passwordIn(content, target)).toBe('se:cret\\');
});

it('lines of other servers and lines with too few fields give no password', () => {
  expect(passwordIn('db\\:1:5433:*:*:wrong\ndb\\:1:5432:sales:backup\n', target)).toBeUndefined();
});
