import type { ManualCommand, ManualFlag, ManualProgram } from '../../../cli/manual/tree.ts';

/** Man pages in the macros of man(7). Pure. */

/** A name and what it says about the page in its head. */
export interface PageHead {
  readonly name: string;
  readonly section: 1 | 5;
  readonly edition: Edition;
  readonly summary: string;
}

/** What the page was made from, and when: `stowage 1.0.0`, `2026-01-31`. */
export interface Edition {
  readonly version: string;
  readonly date: string;
}

export function escaped(text: string): string {
  return (
    text
      .replaceAll('\\', '\\e')
      .replaceAll('-', '\\-')
      .replaceAll('…', '...')
      .replaceAll(/\P{ASCII}/gu, (char) => `\\[u${hex(char)}]`)
      // A line that begins with one of these would be a macro.
      .replaceAll(/^([.'])/gm, '\\&$1')
  );
}

const hex = (char: string) =>
  (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');

export function head({ name, section, edition, summary }: PageHead): string {
  return [
    `.TH ${name.toUpperCase()} ${section} ${edition.date} "${edition.version}" "Stowage"`,
    '.nh',
    '.ad l',
    '.SH NAME',
    `${escaped(name)} \\- ${escaped(summary)}`,
  ].join('\n');
}

/** stowage(1): the program, and a line per command. */
export function programPage(
  program: ManualProgram,
  edition: Edition,
  texts: readonly string[],
): string {
  const commands = program.commands.flatMap(({ name, summary }) => [
    '.TP',
    `.B ${escaped(name)}`,
    escaped(sentence(summary)),
  ]);
  const also = program.commands
    .filter(({ name }) => name !== 'help')
    .map(({ name }) => `.BR ${escaped(pageOf(program, name))} (1)`);
  return [
    head({
      name: program.name,
      section: 1,
      edition,
      summary: 'offsite backup for segmented PostgreSQL',
    }),
    '.SH SYNOPSIS',
    `.B ${program.name}`,
    '[options] command [arguments]',
    '.SH DESCRIPTION',
    escaped(program.summary),
    '.SH COMMANDS',
    ...commands,
    '.SH OPTIONS',
    ...flagLines(program.flags),
    ...texts.flatMap(titled),
    '.SH FILES',
    '.TP',
    '.I /etc/stowage/stowage.yaml',
    'The configuration, unless ./stowage.yaml, STOWAGE_CONFIG or \\-\\-config names another.',
    '.SH SEE ALSO',
    ...also,
    '.BR stowage\\-segment\\-shipper (1)',
    '.BR stowage.yaml (5)',
    '',
  ].join('\n');
}

/** The page of a command: stowage-backup(1). */
export function commandPage(
  program: ManualProgram,
  command: ManualCommand,
  edition: Edition,
): string {
  const own = new Set(command.flags.flatMap(({ names }) => names));
  const others = program.flags.filter(({ names }) => !names.some((name) => own.has(name)));
  return [
    head({ name: pageOf(program, command.name), section: 1, edition, summary: command.summary }),
    '.SH SYNOPSIS',
    `.B ${escaped(command.usage)}`,
    ...(command.details.length > 0
      ? [
          '.SH DESCRIPTION',
          ...command.details.flatMap((line, at) => [...(at > 0 ? ['.PP'] : []), escaped(line)]),
        ]
      : []),
    '.SH OPTIONS',
    ...flagLines(command.flags),
    '.SS Of every command',
    ...flagLines(others),
    '.SH SEE ALSO',
    `.BR ${program.name} (1),`,
    '.BR stowage.yaml (5)',
    '',
  ].join('\n');
}

export const pageOf = ({ name }: ManualProgram, command: string) => `${name}-${command}`;

const flagLines = (flags: readonly ManualFlag[]) =>
  flags.flatMap(({ term, text }) => ['.TP', `.B ${escaped(term)}`, escaped(sentence(text))]);

/** `Examples:` and its lines, which keep their columns. */
export function titled(text: string): string[] {
  const [title = '', ...lines] = text.trim().split('\n');
  return [`.SH ${title.replace(/:$/, '').toUpperCase()}`, '.nf', ...lines.map(escaped), '.fi'];
}

const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
