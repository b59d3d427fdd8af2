import { expect, it } from 'vitest';
import type { Flags } from '../../../cli/command.ts';
import { RESTORE_FLAGS } from '../../../cli/restore/command/flags.ts';
import { optionsFrom } from '../../../cli/restore/command/options.ts';
import { misfitOf, restoreWords } from '../../../console/command/restore-line.ts';

it('the command line of the console has only flags that `stowage restore` knows', () => {
  const words = restoreWords({
    set: '20260131120000',
    root: { id: 1, url: 's3://copy/shop', endpoint: 'https://s3.example.org' },
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
    encrypted: true,
    dryRun: true,
  });
  const known = ['--root', '--endpoint', ...RESTORE_FLAGS.map(([flag]) => flag.split(' ')[0])];
  for (const word of words.filter((one) => one.startsWith('--')))
    expect(known).toContain(word.split('=')[0]);
  expect(words).toContain('--include-table=sales.orders');
  expect(words).toContain('--redirect-db=orders_copy');
});

it('the console refuses the same choices as `stowage restore`', () => {
  for (const mode of ['fill', 'create', 'truncate'] as const)
    for (const parts of ['all', 'data-only', 'schema-only'] as const)
      for (const globals of [false, true]) {
        const choice = {
          ...{ set: '20260131120000', root: { id: 0, url: 's3://backups' }, mode, parts },
          ...{ tables: [], flags: globals ? ['--globals'] : [], dryRun: false },
          encrypted: false,
        };
        const flags: Flags = {
          ...(mode !== 'fill' && { [mode]: true }),
          ...(parts === 'data-only' && { dataOnly: true }),
          ...(parts === 'schema-only' && { schemaOnly: true }),
          ...(globals && { globals: true }),
        };
        const run = () => optionsFrom(flags, [choice.set]);
        if (misfitOf(choice) === undefined) expect(run).not.toThrow();
        else expect(run).toThrow(/Leave out one of the two/);
      }
});
