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
