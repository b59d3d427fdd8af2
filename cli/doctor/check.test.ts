import { expect, test } from 'vitest';
import { tableOf } from './check.ts';

test('checks that were not made are neither BAD nor passed', () => {
  const of = 'storage';
  const skipped = { of, ok: false, skipped: true, detail: 'not checked' } as const;
  const text = tableOf([
    { of, name: 'conditional create', ok: false, detail: 'denied' },
    { ...skipped, name: 'list' },
    { ...skipped, name: 'delete' },
    { of: 'content 0', name: 'server', ok: true, detail: 'PostgreSQL' },
  ]);
  expect(text.match(/BAD/g)).toHaveLength(2);
  expect(text).toMatch(/^– +storage +list +not checked$/m);
  expect(text).toContain('1 of 4 checks failed, 2 were not made: correct what the BAD lines name');
});

test('failed checks come last and together, after those that were not made', () => {
  const lines = tableOf([
    { of: 'storage', name: 'list', ok: false, detail: 'denied' },
    { of: 'storage', name: 'delete', ok: false, skipped: true, detail: 'not checked' },
    { of: 'content 0', name: 'rights', ok: true, detail: 'superuser' },
    { of: 'content 0', name: 'clock', ok: false, detail: 'two hours behind' },
    { of: 'content 1', name: 'rights', ok: true, remark: true, detail: 'a note' },
  ]).split('\n');
  const order = lines.slice(2, 7).map((line) => line.replaceAll(/ +/g, ' '));
  expect(order).toEqual([
    'ok content 0 rights superuser',
    'note content 1 rights a note',
    '– storage delete not checked',
    'BAD storage list denied',
    'BAD content 0 clock two hours behind',
  ]);
});

test('checks of many contents that found the same are one line; a few are not', () => {
  const check = (content: number, detail: string, ok = true) => ({
    of: `content ${content}`,
    name: 'rights',
    ok,
    detail,
  });
  const many = [0, 1, 2, 4, 5].map((content) => check(content, 'cannot read 1 table', false));
  const text = tableOf([check(3, 'superuser'), ...many]);
  expect(text).toMatch(/^BAD +contents 0 to 2, 4, 5 +rights +cannot read 1 table$/m);
  expect(text).toContain('5 of 6 checks failed');
  const few = [0, 1, 2].map((content) => check(content, 'superuser'));
  expect(tableOf(few).match(/^ok/gm)).toHaveLength(3);
});
