import { type ManualFlag, type ManualProgram, takesFile } from './tree.ts';

/** Completion for fish 3 or later. */
export function fishCompletion({ name, flags, commands }: ManualProgram): string {
  const all = commands.map((command) => command.name).join(' ');
  const lines = [
    `# Completion of ${name} for fish. Made by \`${name} completion fish\`.`,
    `complete -c ${name} -f`,
    ...flags.map((flag) => `complete -c ${name} ${flagPart(flag)}`),
  ];
  for (const command of commands) {
    const seen = `-n '__fish_seen_subcommand_from ${command.name}'`;
    lines.push(
      `complete -c ${name} -n 'not __fish_seen_subcommand_from ${all}' -a ${command.name} -d ${quoted(command.summary)}`,
      ...command.flags.map((flag) => `complete -c ${name} ${seen} ${flagPart(flag)}`),
    );
    const [words = []] = command.argumentWords;
    if (words.length > 0) lines.push(`complete -c ${name} ${seen} -a '${words.join(' ')}'`);
    else if (command.argumentWords.length > 0) lines.push(`complete -c ${name} ${seen} -F`);
  }
  return `${lines.join('\n')}\n`;
}

function flagPart(flag: ManualFlag): string {
  const names = flag.names.map((each) =>
    each.startsWith('--') ? `-l ${each.slice(2)}` : `-s ${each.slice(1)}`,
  );
  const value =
    flag.value === undefined
      ? []
      : flag.words.length > 0
        ? [`-x -a '${flag.words.join(' ')}'`]
        : [takesFile(flag) ? '-r -F' : '-x'];
  return [...names, ...value, `-d ${quoted(flag.text)}`].join(' ');
}

/** In fish a backslash escapes a quote, and itself. */
const quoted = (text: string) => `'${text.replaceAll(/[\\']/g, (char) => `\\${char}`)}'`;
