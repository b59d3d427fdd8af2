import { type ManualCommand, type ManualFlag, type ManualProgram, takesFile } from './tree.ts';

/** Completion for zsh: a file \`_stowage\` in a folder of $fpath. */
export function zshCompletion({ name, flags, commands }: ManualProgram): string {
  const described = commands.map(
    (command) => `        ${quoted(`${command.name}:${command.summary}`)}`,
  );
  return `#compdef ${name}
# Completion of ${name} for zsh. Made by \`${name} completion zsh\`.
_${name}() {
  local context state state_descr line curcontext=$curcontext
  typeset -A opt_args
  _arguments -C \\
${flags.map((flag) => `    ${argument(flag)} \\`).join('\n')}
    '1: :->command' \\
    '*:: :->arguments' && return
  case $state in
    command)
      local -a commands=(
${described.join('\n')}
      )
      _describe -t commands command commands
      ;;
    arguments)
      case $line[1] in
${commands.map((command) => commandCase(command, flags)).join('\n')}
      esac
      ;;
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

function commandCase(command: ManualCommand, globals: readonly ManualFlag[]): string {
  const own = new Set(command.flags.flatMap(({ names }) => names));
  const inherited = globals.filter(({ names }) => !names.some((each) => own.has(each)));
  const flags = [...command.flags, ...inherited].map(argument);
  const positional = command.argumentWords.map((words, place) =>
    words.length > 0
      ? quoted(`${place + 1}: :(${words.join(' ')})`)
      : quoted(`${place + 1}: :_files`),
  );
  return `        ${command.name}) _arguments ${[...flags, ...positional].join(' ')} ;;`;
}

/** A repeatable form: the command line may have a flag twice. */
function argument(flag: ManualFlag): string {
  const text = flag.text.replaceAll(/[[\]:\\]/g, (char) => `\\${char}`);
  const value =
    flag.value === undefined
      ? ''
      : `:${flag.value}:${flag.words.length > 0 ? `(${flag.words.join(' ')})` : takesFile(flag) ? '_files' : ''}`;
  return flag.names.map((each) => quoted(`*${each}[${text}]${value}`)).join(' ');
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
