import { expect, it } from 'vitest';
import { RESTORE_FLAGS } from '../../../cli/restore/command/flags.ts';
import { restoreWords } from '../../../console/command/restore-line.ts';

it('the command line of the console has only flags that `stowage restore` knows', () => {
  const words = restoreWords({
    set: '20260131120000',
    root: 's3://copy/shop',
    mode: 'truncate',
    database: 'orders_copy',
    tables: [{ schema: 'sales', name: 'orders' }],
    parts: 'data-only',
    flags: [
      '--no-owner',
      '--globals',
      '--no-acl',
      '--verify',
      '--no-count',
      '--allow-missing',
      '--resize',
    ],
    workers: 8,
    dryRun: true,
  });
  const known = ['--root', ...RESTORE_FLAGS.map(([flag]) => flag.split(' ')[0])];
  for (const word of words.filter((one) => one.startsWith('--')))
    expect(known).toContain(word.split('=')[0]);
  expect(words).toContain('--include-table=sales.orders');
  expect(words).toContain('--redirect-db=orders_copy');
});
