import { describe, expect, test } from 'vitest';
import { commandsFor } from './index.ts';

const takeValues = ['--config', '--root'];
const namesFor = async (...args: string[]) =>
  (await commandsFor(args, takeValues)).map(({ usage }) => usage.split(' ')[0]);

describe('what a command line loads', () => {
  test('is the command it names, wherever flags stand', async () => {
    expect(await namesFor('list')).toEqual(['list']);
    expect(await namesFor('--json', '--config', 'backup', 'sweep', '--help')).toEqual(['sweep']);
    expect(await namesFor('--config=backup', 'show', 'backup')).toEqual(['show']);
  });

  test('is every command under its own name, once', async () => {
    const all = await namesFor();
    expect(all).toHaveLength(13);
    for (const name of all) expect(await namesFor(name ?? '')).toEqual([name]);
  });

  test('is every command where the help lists them, and for words that are none', async () => {
    for (const args of [['--help'], ['help'], ['bakup'], ['constructor'], ['--config', 'demo']])
      expect(await namesFor(...args)).toHaveLength(13);
  });

  test('is none for the version', async () => {
    expect(await namesFor('--version')).toEqual([]);
    expect(await namesFor('-V')).toEqual([]);
  });
});
