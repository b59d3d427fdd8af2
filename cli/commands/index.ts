import type { CommandDefinition } from '../command.ts';

/**
 * Every command, in the order of the help. Loaded on demand: together they are most of the program.
 */
const COMMANDS: Readonly<Record<string, () => Promise<CommandDefinition>>> = {
  backup: async () => (await import('./backup.ts')).backupCommand,
  list: async () => (await import('../list/command.ts')).listCommand,
  show: async () => (await import('./show.ts')).showCommand,
  find: async () => (await import('../looking-back/find.ts')).findCommand,
  history: async () => (await import('../looking-back/history.ts')).historyCommand,
  diff: async () => (await import('../looking-back/diff.ts')).diffCommand,
  log: async () => (await import('../looking-back/log.ts')).logCommand,
  validate: async () => (await import('./validate.ts')).validateCommand,
  verify: async () => (await import('./validate.ts')).verifyCommand,
  restore: async () => (await import('./restore.ts')).restoreCommand,
  cat: async () => (await import('../export/command.ts')).catCommand,
  export: async () => (await import('../export/command.ts')).exportCommand,
  import: async () => (await import('../import/command.ts')).importCommand,
  dump: async () => (await import('../dump/command.ts')).dumpCommand,
  copy: async () => (await import('./copy.ts')).copyCommand,
  adopt: async () => (await import('../adopt/command.ts')).adoptCommand,
  'gpbackup-plugin': async () =>
    (await import('../gpbackup-plugin/command.ts')).gpbackupPluginCommand,
  repair: async () => (await import('./repair.ts')).repairCommand,
  expire: async () => (await import('./expire.ts')).expireCommand,
  hold: async () => (await import('./hold.ts')).holdCommand,
  release: async () => (await import('./hold.ts')).releaseCommand,
  unexpire: async () => (await import('./hold.ts')).unexpireCommand,
  delete: async () => (await import('./delete.ts')).deleteCommand,
  serve: async () => (await import('./serve.ts')).serveCommand,
  sweep: async () => (await import('./serve.ts')).sweepCommand,
  announce: async () => (await import('../announce/command.ts')).announceCommand,
  key: async () => (await import('../key/command.ts')).keyCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
  config: async () => (await import('./config.ts')).configCommand,
  status: async () => (await import('../status/command.ts')).statusCommand,
  schedule: async () => (await import('../schedule/command.ts')).scheduleCommand,
  drill: async () => (await import('../drill/command.ts')).drillCommand,
  hosts: async () => (await import('../hosts/command.ts')).hostsCommand,
  completion: async () => (await import('../manual/command.ts')).completionCommand(allCommands),
  demo: async () => (await import('./demo.ts')).demoCommand,
};

/**
 * The commands to load for a command line: the one it names, or all of them for a help text and for
 * an unknown word. `takeValues` are the program's flags that take the next word as their value.
 */
export async function commandsFor(
  args: readonly string[],
  takeValues: readonly string[],
): Promise<readonly CommandDefinition[]> {
  const name = firstWord(args, takeValues);
  const named = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (named !== undefined) return [await named()];
  // commander prints the version without any command.
  if (name === undefined && (args.includes('--version') || args.includes('-V'))) return [];
  return allCommands();
}

/** For the help, the man pages and the completion. */
export function allCommands(): Promise<readonly CommandDefinition[]> {
  return Promise.all(Object.values(COMMANDS).map((load) => load()));
}

/** `help` and `help COMMAND` as `--help` and `COMMAND --help`; an unknown command alone. */
export function helpArguments(
  args: readonly string[],
  takeValues: readonly string[],
): readonly string[] {
  const word = firstWord(args, takeValues);
  if (word !== 'help') return args;
  const at = args.indexOf(word);
  const others = args.toSpliced(at, 1);
  const name = firstWord(others, takeValues);
  return name === undefined || Object.hasOwn(COMMANDS, name) ? [...others, '--help'] : [name];
}

function firstWord(args: readonly string[], takeValues: readonly string[]): string | undefined {
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? '';
    if (!word.startsWith('-')) return word;
    if (takeValues.includes(word)) at++;
  }
  return undefined;
}
