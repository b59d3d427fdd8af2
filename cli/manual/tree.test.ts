import { describe, expect, test } from 'vitest';
import { allCommands } from '../commands/index.ts';
import { manualOf, takesFile } from './tree.ts';

const definitions = await allCommands();
const program = manualOf(definitions);

describe('manualOf', () => {
  test('has every command, and every flag of each, as --help prints them', () => {
    expect(program.commands.map(({ name }) => name)).toEqual([
      ...definitions.map(({ usage }) => usage.split(' ')[0]),
      'help',
    ]);
    for (const { usage, flags } of definitions) {
      const command = program.commands.find(({ name }) => name === usage.split(' ')[0]);
      expect(command?.flags.map(({ term }) => term)).toEqual([
        ...flags.map(([term]) => term),
        '-h, --help',
      ]);
    }
  });

  test('knows the words of arguments and flags, and which values are files', () => {
    const find = (name: string) => program.commands.find((command) => command.name === name);
    expect(find('completion')?.argumentWords).toEqual([['bash', 'zsh', 'fish']]);
    expect(find('show')?.argumentWords).toEqual([[]]);
    const flags = program.flags.filter(({ value }) => value !== undefined);
    expect(flags.filter(takesFile).map(({ names }) => names)).toEqual([['--config']]);
    expect(flags.find(({ names }) => names.includes('--log-level'))?.words).toContain('debug');
  });
});
