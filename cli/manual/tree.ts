import type { Command, Option } from 'commander';
import type { CommandDefinition } from '../command.ts';
import { describeCommand, newProgram } from './program.ts';

/** What `--help` says, as data: man pages and completion are made from it. */
export interface ManualProgram {
  readonly name: string;
  readonly summary: string;
  /** Flags of every command. */
  readonly flags: readonly ManualFlag[];
  readonly commands: readonly ManualCommand[];
}

export interface ManualCommand {
  readonly name: string;
  /** As --help prints it: `stowage show [options] <timestamp>`. */
  readonly usage: string;
  readonly summary: string;
  readonly details: readonly string[];
  /** Words that an argument can be; empty = any text. One list for each argument. */
  readonly argumentWords: readonly (readonly string[])[];
  readonly flags: readonly ManualFlag[];
}

export interface ManualFlag {
  /** As --help prints it: `-V, --version`, `--root <url>`. */
  readonly term: string;
  readonly text: string;
  readonly names: readonly string[];
  /** Name of its value: `file`; undefined = it has none. */
  readonly value: string | undefined;
  readonly words: readonly string[];
}

/** Reads the program as commander's own help does. */
export function manualOf(definitions: readonly CommandDefinition[]): ManualProgram {
  const program = newProgram();
  const details = new Map<string, readonly string[]>();
  for (const definition of definitions) {
    const command = describeCommand(program, definition);
    details.set(command.name(), definition.details?.split('\n') ?? []);
  }
  const help = program.createHelp();
  const flagsOf = (command: Command) =>
    help
      .visibleOptions(command)
      .map((option) => flagOf(option, help.optionTerm(option), help.optionDescription(option)));
  return {
    name: program.name(),
    summary: help.commandDescription(program),
    flags: flagsOf(program),
    commands: help.visibleCommands(program).map((command) => ({
      name: command.name(),
      usage: help.commandUsage(command),
      summary: help.subcommandDescription(command),
      details: details.get(command.name()) ?? [],
      // The names of the commands are what `help` takes.
      argumentWords:
        command.name() === 'help'
          ? [definitions.map(({ usage }) => usage.split(' ')[0] ?? '')]
          : command.registeredArguments.map(({ argChoices }) => argChoices ?? []),
      flags: flagsOf(command),
    })),
  };
}

function flagOf(option: Option, term: string, text: string): ManualFlag {
  const names = [option.short, option.long].filter((name) => name != null);
  return {
    term,
    text,
    names,
    value: /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1],
    words: option.argChoices ?? [],
  };
}

/** True when the value of a flag is a name in the file system. */
export function takesFile({ value = '' }: ManualFlag): boolean {
  return /^(file|folder|path|directory)s?$/.test(value);
}
