import { expect, test } from 'vitest';
import { plain } from '../output/table/palette.ts';
import { widthOf } from '../output/table/width.ts';
import { tableOf } from './text.ts';

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

test('what 40 contents found alike but for numbers is one line that quotes the first', () => {
  const of = (content: number) => `content ${content}`;
  const contents = Array.from({ length: 40 }, (_, content) => content);
  const text = tableOf([
    ...contents.map((content) => ({
      of: of(content),
      name: 'clock',
      ok: true,
      detail: `${content} ms behind`,
    })),
    ...contents.map((content) => ({
      of: of(content),
      name: 'server',
      ok: content > 37,
      detail: content > 37 ? 'PostgreSQL' : `sdw${content}:5432 refused the connection`,
    })),
    ...['a', 'b', 'c', 'd'].map((table, content) => ({
      of: of(content),
      name: 'rights',
      ok: false,
      detail: `cannot read ${table}`,
    })),
  ]);
  const lines = text.split('\n').map((line) => line.replaceAll(/ +/g, ' '));
  expect(lines.slice(2, -2)).toEqual([
    'ok contents 0 to 39 clock 40 of 40, first content 0: 0 ms behind',
    'ok content 38 server PostgreSQL',
    'ok content 39 server PostgreSQL',
    'BAD contents 0 to 37 server 38 of 40, first content 0: sdw0:5432 refused the connection',
    'BAD contents 0 to 3 rights 4 of 4, first content 0: cannot read a',
  ]);
});

test('in 80 columns no line is wider, and what was found continues below itself', () => {
  const detail =
    'the role may not call pg_control_system() on content 0: GRANT EXECUTE to the role '.repeat(3);
  const check = { of: 'orders: content 0', name: 'global deadlock detector', ok: false, detail };
  const lines = tableOf([check], { columns: 80, paint: plain }).split('\n');
  expect(Math.max(...lines.map(widthOf).slice(0, -1))).toBeLessThanOrEqual(80);
  expect(lines.join(' ').replaceAll(/ +/g, ' ')).toContain('GRANT EXECUTE');
});

test('the checks of several databases are folded for each database', () => {
  const checks = ['', 'billing: '].flatMap((database) =>
    [0, 1, 2, 3].map((content) => ({
      of: `${database}content ${content}`,
      name: 'rights',
      ok: true,
      detail: 'superuser',
    })),
  );
  expect(tableOf(checks)).toMatch(/^ok {2}contents 0 to 3 .*\nok {2}billing: contents 0 to 3 /m);
});

test('a line that quotes the first of several causes says how to see the others', () => {
  const check = (content: number, detail: string) => ({
    of: `content ${content}`,
    name: 'locks',
    ok: false,
    detail,
  });
  const others = [64, 128, 64, 4096].map((needed, content) => check(content, `${needed} lacking`));
  expect(tableOf(others)).toMatch(
    /run doctor again\. What 2 of them found is not quoted: doctor --json prints it$/,
  );
  expect(tableOf(others.map((one) => ({ ...one, detail: 'none' })))).toMatch(/run doctor again$/);
});
