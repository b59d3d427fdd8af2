import type { ClusterCommand, Flags } from '../command.ts';
import { describeCommand, newProgram } from '../manual/program.ts';

export interface ParsedWords {
  readonly flags: Flags;
  readonly positional: readonly string[];
}

/** The words of a command line, read as the shell's user would have typed them. */
export function parseWords(definition: ClusterCommand, words: readonly string[]): ParsedWords {
  const program = newProgram().exitOverride();
  const command = describeCommand(program, definition);
  let parsed: ParsedWords = { flags: {}, positional: [] };
  command.action((...input: unknown[]) => {
    const positional = input
      .slice(0, -2)
      .flat()
      .filter((value) => value !== undefined)
      .map((value) => String(value));
    parsed = { flags: command.optsWithGlobals(), positional };
  });
  program.parse([...words], { from: 'user' });
  return parsed;
}
