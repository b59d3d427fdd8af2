import { type Command, CommanderError } from 'commander';
import { asStowageError, StowageError } from '../backup-set/base/errors.ts';
import { redactor } from '../backup-set/messages/secrets.ts';
import { ConfigError, problemLines } from '../segment-shipper/config-file/config-error.ts';
import type { CommandDefinition, Described, Flags } from './command.ts';
import { commandsFor, helpArguments } from './commands/index.ts';
import type { Context } from './context.ts';
import { endOnLostOutput, endOnSignals, type OutputWatch } from './ending.ts';
import { describeCommand, newProgram } from './manual/program.ts';
import { printable } from './output/format.ts';
import { newOutput } from './output/output.ts';
import { noteRetries } from './output/storage/retries.ts';

async function main(): Promise<void> {
  process.exitCode = 1;
  const stop = new AbortController();
  const watch = endOnLostOutput({ out: process.stdout, err: process.stderr }, stop);
  // Not from commander: errors in the command line itself must be printed as JSON, too.
  const json = process.argv.includes('--json');
  const program = newProgram().exitOverride();
  // Errors are printed by `report`, all in one form.
  program.configureOutput({
    outputError: () => undefined,
    ...(json && { writeErr: () => undefined }),
  });
  try {
    const args = helpArguments(process.argv.slice(2), takeValues(program));
    for (const definition of await commandsFor(args, takeValues(program)))
      addCommand(program, definition, { stop, watch });
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    // A help text that cannot be written is a lost result, too.
    if (error instanceof CommanderError) watch.resultFollows();
    process.exitCode = report(error, json, usageIn(program));
  }
  // A defect may leave a handle open; it must not keep a finished command alive.
  setTimeout(() => process.exit(), EXIT_AFTER_MS).unref();
}

const EXIT_AFTER_MS = 5_000;

/** The program's own flags that take the next word as their value. */
function takeValues({ options }: Command): string[] {
  return options.filter(({ required }) => required).flatMap(({ long }) => long ?? []);
}

interface Ending {
  readonly stop: AbortController;
  readonly watch: OutputWatch;
}

function addCommand(program: Command, definition: CommandDefinition, ending: Ending): void {
  const command = describeCommand(program, definition);
  command.action(async (...input: unknown[]) => {
    const given = input.slice(0, -2).filter((value) => value !== undefined);
    // Of a repeated argument commander gives a list.
    const positional = given.flat().map((value) => String(value));
    const flags: Flags = command.optsWithGlobals();
    endOnSignals(ending.stop, definition.signals);
    const context = await newContext(flags, ending, definition.logLevel);
    try {
      process.exitCode = await run(definition, flags, positional, context);
    } finally {
      noteRetries(context.output);
    }
  });
}

async function run(
  definition: CommandDefinition,
  flags: Flags,
  positional: readonly string[],
  context: Context,
): Promise<number> {
  if (definition.cluster === undefined) return definition.run({ flags, positional, context });
  const { loadConfig } = await import('./config/config.ts');
  const loaded = await loadConfig({
    env: context.env,
    file: textOf(flags['config']),
    flags: {
      root: flags['root'],
      'storage.endpoint': flags['endpoint'],
      'encryption.identityFile': flags['identity'],
      ...definition.cluster(flags),
    },
  });
  const acceptsPlain = flags['acceptPlain'] === true;
  return definition.run({ flags, positional, context: { ...context, ...loaded, acceptsPlain } });
}

async function newContext(
  flags: Flags,
  { stop, watch }: Ending,
  logLevel: Described['logLevel'],
): Promise<Context> {
  const clock = () => new Date();
  const { newLog } = await import('./output/log/new-log.ts');
  // A program reads JSON; a person at a terminal reads lines.
  const isRead = process.stderr.isTTY && flags['logLevel'] === undefined && !flags['json'];
  const log = newLog(textOf(flags['logLevel']) ?? logLevel ?? 'silent', isRead);
  const streams = { out: process.stdout, err: process.stderr };
  const output = newOutput(
    streams,
    flags['json'] === true,
    clock,
    watch.resultFollows,
    process.env,
  );
  return { env: process.env, clock, signal: stop.signal, log, output };
}

/** How the named command is called; undefined when none was named. */
function usageIn({ commands }: Command): string | undefined {
  const [only] = commands;
  return commands.length === 1 ? `stowage ${only?.name()} ${only?.usage()}` : undefined;
}

/** Prints a failure; returns the exit code. */
function report(error: unknown, json: boolean, usage: string | undefined): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  // commander has printed the help instead.
  if (error instanceof CommanderError && error.code === 'commander.help' && !json) return 2;
  const { code, message, where, hint, exitCode, cause, stack } = asStowageError(usageError(error));
  const redact = redactor(process.env);
  const problems = error instanceof ConfigError && { problems: error.problems };
  if (json)
    process.stdout.write(
      redact(`${JSON.stringify({ error: { code, message, where, hint, ...problems } })}\n`),
    );
  else {
    const lines = error instanceof ConfigError ? problemLines(error.problems) : [message];
    const called = code === 'usage/flag' && usage !== undefined ? `: ${usage}` : '';
    process.stderr.write(
      redact(`stowage: ${lines.map(printable).join('\n')}\n  ${code}: ${hint}${called}\n`),
    );
  }
  if (code === 'internal')
    process.stderr.write(redact(`${cause instanceof Error ? cause.stack : stack}\n`));
  return exitCode;
}

/** commander's errors as a StowageError. */
function usageError(error: unknown): unknown {
  if (!(error instanceof CommanderError)) return error;
  const message =
    error.code === 'commander.help'
      ? 'no command was given'
      : error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new StowageError('usage/flag', message, { cause: error });
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

void main();
