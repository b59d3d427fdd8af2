import type { CommandDefinition } from '../command.ts';

/** Every command, in the order of the help. Each is loaded when it is called for: together they are most of the program. */
const COMMANDS: Readonly<Record<string, () => Promise<CommandDefinition>>> = {
  backup: async () => (await import('./backup.ts')).backupCommand,
  list: async () => (await import('./list.ts')).listCommand,
  show: async () => (await import('./show.ts')).showCommand,
  validate: async () => (await import('./validate.ts')).validateCommand,
  verify: async () => (await import('./validate.ts')).verifyCommand,
  restore: async () => (await import('./restore.ts')).restoreCommand,
  copy: async () => (await import('./copy.ts')).copyCommand,
  delete: async () => (await import('./delete.ts')).deleteCommand,
  serve: async () => (await import('./serve.ts')).serveCommand,
  sweep: async () => (await import('./serve.ts')).sweepCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
  config: async () => (await import('./config.ts')).configCommand,
  demo: async () => (await import('./demo.ts')).demoCommand,
};

/**
 * The commands that this command line needs: the one it names; all, for a help that lists them and for a word that is none of them.
 * `takeValues` are the flags before the command whose next word is their value.
 */
export async function commandsFor(
  args: readonly string[],
  takeValues: readonly string[],
): Promise<readonly CommandDefinition[]> {
  const name = firstWord(args, takeValues);
  const named = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (named !== undefined) return [await named()];
  // commander answers before it looks at any command.
  if (name === undefined && (args.includes('--version') || args.includes('-V'))) return [];
  return Promise.all(Object.values(COMMANDS).map((load) => load()));
}

function firstWord(args: readonly string[], takeValues: readonly string[]): string | undefined {
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? '';
    if (!word.startsWith('-')) return word;
    if (takeValues.includes(word)) at++;
  }
  return undefined;
}
