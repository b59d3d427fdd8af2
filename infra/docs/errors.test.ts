import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ERRORS } from '../../backup-set/base/errors.ts';
import { errorsPage } from './errors.ts';

test('docs/errors.md is printed from the table of errors (node infra/docs/errors.ts > docs/errors.md)', async () => {
  const page = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  expect(page).toBe(errorsPage());
});

test('every exit code has a meaning, and no hint breaks the table of the page', () => {
  expect(errorsPage()).not.toMatch(/^\| \d+ \| {2}\|$/m);
  for (const { hint } of Object.values(ERRORS)) expect(hint).not.toMatch(/[|\n]/);
});
