import { readFile } from 'node:fs/promises';
import { TOOL } from '../../../backup-set/base/tool.ts';
import { allCommands } from '../../../cli/commands/index.ts';
import { bashCompletion } from '../../../cli/manual/bash.ts';
import { fishCompletion } from '../../../cli/manual/fish.ts';
import { EXAMPLES, EXIT_CODES } from '../../../cli/manual/program.ts';
import { manualOf } from '../../../cli/manual/tree.ts';
import { zshCompletion } from '../../../cli/manual/zsh.ts';
import { USAGE } from '../../../segment-shipper/usage.ts';
import { pageOfMarkdown } from './markdown.ts';
import { commandPage, type Edition, escaped, head, pageOf, programPage, titled } from './roff.ts';

/** Every man page: `stowage-backup.1` → its text. `day` is the date that they carry. */
export async function manualPages(day: Date): Promise<ReadonlyMap<string, string>> {
  const edition: Edition = { version: TOOL, date: day.toISOString().slice(0, 10) };
  const program = manualOf(await allCommands());
  const configuration = await readFile(
    new URL('../../../docs/configuration.md', import.meta.url),
    'utf8',
  );
  const pages = new Map([
    ['stowage.1', programPage(program, edition, [EXAMPLES, EXIT_CODES])],
    ['stowage-segment-shipper.1', shipperPage(edition)],
    [
      'stowage.yaml.5',
      pageOfMarkdown(configuration, {
        name: 'stowage.yaml',
        section: 5,
        edition,
        summary: 'configuration of stowage',
      }),
    ],
  ]);
  for (const command of program.commands)
    if (command.name !== 'help')
      pages.set(`${pageOf(program, command.name)}.1`, commandPage(program, command, edition));
  return pages;
}

export async function completions(): Promise<Record<'bash' | 'zsh' | 'fish', string>> {
  const program = manualOf(await allCommands());
  return {
    bash: bashCompletion(program),
    zsh: zshCompletion(program),
    fish: fishCompletion(program),
  };
}

/** Its --help: sentences are filled, lists keep their columns. */
function shipperPage(edition: Edition): string {
  const name = 'stowage-segment-shipper';
  const summary = 'backs up and restores the segments of a host';
  const [usage = '', ...blocks] = USAGE.trimEnd().split('\n\n');
  const forms = usage.replace(/^Usage: /, '').split('\n');
  return [
    head({ name, section: 1, edition, summary }),
    '.SH SYNOPSIS',
    '.nf',
    ...forms.map((line) => escaped(line.trim())),
    '.fi',
    '.SH DESCRIPTION',
    ...blocks.flatMap((block, at) => {
      const [title = '', ...rest] = block.split('\n');
      if (/^\w+:$/.test(title)) return titled(block);
      return [...(at > 0 ? ['.PP'] : []), ...[title, ...rest].map(escaped)];
    }),
    '.SH SEE ALSO',
    '.BR stowage (1)',
    '',
  ].join('\n');
}
