import type { CommandDefinition, PlainCommand } from '../command.ts';
import { bashCompletion } from './bash.ts';
import { fishCompletion } from './fish.ts';
import { manualOf } from './tree.ts';
import { zshCompletion } from './zsh.ts';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** `load` gives every command, this one, too. */
export function completionCommand(load: () => Promise<readonly CommandDefinition[]>): PlainCommand {
  return {
    usage: 'completion <shell>',
    summary: 'print the completion of commands and flags for bash, zsh or fish',
    details: `The packages install it. Elsewhere:
bash: stowage completion bash > ~/.local/share/bash-completion/completions/stowage
zsh: stowage completion zsh > "\${fpath[1]}/_stowage"
fish: stowage completion fish > ~/.config/fish/completions/stowage.fish`,
    flags: [],
    words: { shell: Object.keys(SHELLS) },
    async run({ positional, context }) {
      const shell = positional[0] as keyof typeof SHELLS;
      const script = SHELLS[shell](manualOf(await load()));
      context.output.result({ shell, script }, script);
      return 0;
    },
  };
}
