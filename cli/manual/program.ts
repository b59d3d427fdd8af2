import { Command, Option } from 'commander';
import { TOOL } from '../../backup-set/base/tool.ts';
import type { CommandDefinition } from '../command.ts';
import { wrapped } from '../output/wrap.ts';

/** For the help and for stowage(1). */
export const EXAMPLES = `
Examples:
  stowage doctor                              check servers, rights and store
  stowage backup                              back up the cluster into a new set
  stowage list                                print the sets and their timestamps
  stowage restore 20260131120000 --create     restore a set into new databases
  stowage COMMAND --help                      print the flags of a command`;

export const EXIT_CODES = `
Exit codes:
  0    done; for backup, validate and verify: the set is complete
  1    a defect in Stowage; for demo: the restored cluster differs
  2    wrong flags or configuration
  3    a set is incomplete or damaged, or a backup or restore failed
  4    refused before anything was changed; for doctor: a check failed
  5    the object store failed
  6    a database failed
  130  interrupted: by a signal, or because its output could not be written`;

/** The program with the flags of every command, and without commands. */
export function newProgram(): Command {
  return new Command('stowage')
    .description(
      'Offsite backup for segmented PostgreSQL: streams every segment in parallel, proves each set complete, restores from any location.',
    )
    .version(TOOL)
    .option(
      '--config <file>',
      'configuration file (default: $STOWAGE_CONFIG, ./stowage.yaml or /etc/stowage/stowage.yaml)',
    )
    .option('--root <url>', 'where the sets are stored: s3://bucket/prefix or file:///path')
    .option('--endpoint <url>', 'URL of the S3 server, unless it is AWS')
    .option(
      '--json',
      'print the result as one JSON document on standard output, and events as JSON lines on standard error',
    )
    .addOption(
      new Option('--log-level <level>', 'log messages of this level and above on standard error')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default(undefined, 'silent; serve: info, without the lines of each document'),
    )
    .addHelpText('after', `${EXAMPLES}\n${EXIT_CODES}`);
}

/** Adds a command with its flags and its help. The caller adds what it does. */
export function describeCommand(program: Command, definition: CommandDefinition): Command {
  const command = program.command(definition.usage).description(definition.summary);
  for (const [flags, text] of definition.flags)
    command.option(
      flags,
      text,
      definition.lists?.includes(flags) === true ? collect : (undefined as never),
    );
  for (const argument of command.registeredArguments) {
    const words = definition.words?.[argument.name()];
    if (words !== undefined) argument.choices(words);
  }
  const details = definition.details?.split('\n').flatMap((line) => wrapped(line, ''));
  if (details !== undefined) command.addHelpText('after', `\n${details.join('\n')}`);
  return command;
}

function collect(value: string, so: string[] | undefined): string[] {
  return [...(so ?? []), value];
}
