import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { FIELDS } from '../../functions/announce/template.ts';
import { EVENTS } from '../../functions/observe/events.ts';

const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
const [, section = ''] = /^## Announcements\n(.*?)^## /ms.exec(page) ?? [];

test('docs/operations.md has a row for every event, with its severity', () => {
  const rows = [...section.matchAll(/^\| `([a-z-]+)` *\| (\w+) *\|/gm)];
  expect(rows.map(([, name, severity]) => [name, severity])).toEqual(Object.entries(EVENTS));
});

test('docs/operations.md has a row for every field of a template', () => {
  const rows = [...section.matchAll(/^\| `\{(\w+)\}`/gm)];
  expect(rows.map(([, name]) => name)).toEqual([...FIELDS]);
});
