import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ERRORS } from '../../backup-set/base/errors.ts';
import { PROBLEMS, Problem } from '../../backup-set/base/verdict.ts';
import { errorsPage } from './errors.ts';

test('docs/errors.md is printed from the table of errors (node infra/docs/errors.ts > docs/errors.md)', async () => {
  const page = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  expect(page).toBe(errorsPage());
});

test('every exit code has a meaning, and no hint breaks the table of the page', () => {
  expect(errorsPage()).not.toMatch(/^\| \d+ \| {2}\|$/m);
  for (const { hint } of Object.values(ERRORS)) expect(hint).not.toMatch(/[|\n]/);
});

test('every code that a problem can have is on the page, with its meaning and what to do', () => {
  const page = errorsPage();
  for (const code of Problem.shape.code.options)
    expect(page).toMatch(
      new RegExp(`^\\| \`${code}\` \\| [^|\\n]{20,} \\| [^|\\n]{20,} \\|$`, 'm'),
    );
  expect(Problem.shape.code.options).toEqual(Object.keys(PROBLEMS));
});
