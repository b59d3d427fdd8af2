import { type ManualCommand, type ManualFlag, type ManualProgram, takesFile } from './tree.ts';

/** Completion for bash 4 or later. It needs no other package. */
export function bashCompletion({ name, flags, commands }: ManualProgram): string {
  const takeValues = [
    ...valuesOf('*', flags),
    ...commands.flatMap((command) => valuesOf(command.name, command.flags)),
  ].join(' | ');
  const values = [
    ...flags.flatMap((flag) => valueCase('*', flag)),
    ...commands.flatMap((command) =>
      command.flags.flatMap((flag) => valueCase(command.name, flag)),
    ),
  ];
  return `# Completion of ${name} for bash. Made by \`${name} completion bash\`.
_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  local command='' at words='' place=0
  # bash makes three words of --flag=value.
  [[ $current == = ]] && current=''
  [[ $previous == = ]] && previous=\${COMP_WORDS[COMP_CWORD - 2]}
  for ((at = 1; at < COMP_CWORD; at++)); do
    case $command:\${COMP_WORDS[at]} in
      ${takeValues}) ((at++)); [[ \${COMP_WORDS[at]} == = ]] && ((at++)) ;;
      *:-* | *:=) ;;
      *) if [[ -z $command ]]; then command=\${COMP_WORDS[at]}; else ((place++)); fi ;;
    esac
  done
  COMPREPLY=()
  case $command:$previous in
${values.join('\n')}
  esac
  case $command in
    '') words='${namesOf(flags).join(' ')}'; [[ $current == -* ]] || words='${commands.map((command) => command.name).join(' ')}' ;;
${commands.map((command) => commandCase(command, flags)).join('\n')}
  esac
  if [[ -n $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$current"))
  else compopt -o default; fi
}
complete -F _${name} ${name}
`;
}

/** The flags that the next word belongs to; a value in brackets may be absent. */
const valuesOf = (command: string, flags: readonly ManualFlag[]) =>
  namesOf(flags.filter(({ value, term }) => value !== undefined && !term.includes('['))).map(
    (name) => `${command}:${name}`,
  );

/** What may follow a flag that takes a value. */
function valueCase(command: string, flag: ManualFlag): string[] {
  if (flag.value === undefined) return [];
  const pattern = flag.names.map((each) => `${command}:${each}`).join(' | ');
  if (flag.words.length > 0)
    return [
      `    ${pattern}) COMPREPLY=($(compgen -W '${flag.words.join(' ')}' -- "$current")); return ;;`,
    ];
  return takesFile(flag)
    ? [`    ${pattern}) compopt -o default; return ;;`]
    : [`    ${pattern}) return ;;`];
}

/** The flags of a command after a dash, else the words of its argument. */
function commandCase(command: ManualCommand, globals: readonly ManualFlag[]): string {
  const all = [...new Set(namesOf([...command.flags, ...globals]))].join(' ');
  const places = command.argumentWords.flatMap((words, place) =>
    words.length > 0 ? [`[[ $place == ${place} ]] && words='${words.join(' ')}'`] : [],
  );
  const words = places.length > 0 ? `else ${places.join('; ')}; ` : '';
  return `    ${command.name}) if [[ $current == -* ]]; then words='${all}'; ${words}fi ;;`;
}

const namesOf = (flags: readonly ManualFlag[]) => flags.flatMap(({ names }) => names);
