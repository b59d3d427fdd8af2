import { describe, expect, test } from 'vitest';
import { commandsFor, helpArguments } from './index.ts';

const takeValues = ['--config', '--root'];
const namesFor = async (...args: string[]) =>
  (await commandsFor(args, takeValues)).map(({ usage }) => usage.split(' ')[0]);

describe('commandsFor', () => {
  test('loads only the named command, before or after flags', async () => {
    expect(await namesFor('list')).toEqual(['list']);
    expect(await namesFor('--json', '--config', 'backup', 'sweep', '--help')).toEqual(['sweep']);
    expect(await namesFor('--config=backup', 'show', 'backup')).toEqual(['show']);
  });

  test('loads every command once, and each by its own name', async () => {
    const all = await namesFor();
    expect(all).toHaveLength(35);
    for (const name of all) expect(await namesFor(name ?? '')).toEqual([name]);
  });

  test('loads every command for the help and for an unknown word', async () => {
    for (const args of [['--help'], ['help'], ['bakup'], ['constructor'], ['--config', 'demo']])
      expect(await namesFor(...args)).toHaveLength(35);
  });

  test('loads no command for --version', async () => {
    expect(await namesFor('--version')).toEqual([]);
    expect(await namesFor('-V')).toEqual([]);
  });
});

test.each([
  [['help'], ['--help']],
  [
    ['help', 'list'],
    ['list', '--help'],
  ],
  [
    ['--root', 'help', 'help', 'list'],
    ['--root', 'help', 'list', '--help'],
  ],
  [['help', 'bakcup'], ['bakcup']],
  [
    ['list', 'help'],
    ['list', 'help'],
  ],
])('%j is read as %j', (args, read) => {
  expect(helpArguments(args, ['--root'])).toEqual(read);
});
