import { quoteShell } from '../../database/session/quote.ts';
import type { Flags } from '../command.ts';
import { dashed } from '../config/flag-names.ts';
import { RESTORE_FLAGS } from '../restore/command/flags.ts';

/** How a run prints, not what it does. */
const OF_THIS_RUN = ['json', 'logLevel', 'dryRun'];
const PLAIN = /^[\w.,:/=@%+-]+$/;

/** Flags that only exist as `--no-…`: without them, commander gives true. */
const NEGATED = new Set(
  RESTORE_FLAGS.map(([flag]) => /^--no-(\S+)/.exec(flag)?.[1]).filter(
    (name) => !RESTORE_FLAGS.some(([flag]) => flag.startsWith(`--${name}`)),
  ),
);

/** The command that restores one set of a group, with the flags of the group's restore. */
export function restoreCommandOf(timestamp: string, flags: Flags): string {
  return ['stowage restore', timestamp, ...wordsOf(flags)].join(' ');
}

function wordsOf(flags: Flags): string[] {
  return Object.entries(flags).flatMap(([name, value]) => {
    if (OF_THIS_RUN.includes(name) || value === undefined) return [];
    const flag = dashed(name);
    if (value === false) return [`--no-${flag}`];
    if (value === true) return NEGATED.has(flag) ? [] : [`--${flag}`];
    // Its value is optional, and can be the group.
    if (name === 'globals' && value !== 'alter') return ['--globals'];
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    return values.map((one) => `--${flag} ${shown(String(one))}`);
  });
}

const shown = (word: string) => (PLAIN.test(word) ? word : quoteShell(word));
