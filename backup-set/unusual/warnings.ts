import * as z from 'zod';
import { Content, Count, Name } from '../base/document.ts';
import { Timestamp } from '../base/timestamps.ts';

/**
 * What can be unusual about a set: the codes in `warnings` of a verdict. A warning does not change
 * the status of a set. docs/errors.md is printed from this table, too.
 */
export const WARNINGS = {
  'rows-fewer': {
    meaning: 'a table, or a content of the set, has far fewer rows than in the sets before it',
    hint: 'ask the owners of the table whether rows were deleted on purpose. If not, keep an older set (`stowage hold TIMESTAMP`) and restore the table from it',
  },
  'rows-more': {
    meaning: 'a table, or a content of the set, has far more rows than in the sets before it',
    hint: 'look for a load that ran twice, or for a job that writes without end',
  },
  'bytes-fewer': {
    meaning: 'the tables have far fewer bytes of rows than in the sets before',
    hint: 'look at the tables that the other warnings name, and at `stowage diff` of both sets',
  },
  'bytes-more': {
    meaning: 'the tables have far more bytes of rows than in the sets before',
    hint: 'look at `stowage diff` of both sets; check that the bucket and the time for a backup suffice',
  },
  'table-gone': {
    meaning: 'the set has no rows of a table that the sets before it had',
    hint: 'if the table was not dropped on purpose, hold an older set (`stowage hold TIMESTAMP`) and restore the table from it. If it is listed as not shipped, correct the reason',
  },
  'compression-lower': {
    meaning:
      'the rows of a table, or of the set, compress far worse than in the sets before: encrypted or compressed values do not compress',
    hint: 'find out whether an application now writes encrypted or compressed values. If not, treat it as an attack: hold an older set (docs/ransomware.md)',
  },
  'carried-less': {
    meaning: 'the set could take over far fewer bytes of older sets than the sets before it',
    hint: 'look for a job that rewrote many rows (an update of a whole table, encryption), and at `stowage diff` of both sets',
  },
  slower: {
    meaning: 'the backup took much longer than those before it',
    hint: 'look for locks and for load on the servers, the network and the object store at that time',
  },
  'not-compared': {
    meaning: 'the set, or a part of it, could not be compared with older sets; the message has why',
    hint: 'correct the cause, and run `stowage validate TIMESTAMP`',
  },
} as const;

export type WarningCode = keyof typeof WARNINGS;

/** Warnings in a verdict. A verdict also has the total number. */
export const WARNINGS_MAX = 100;

/** Units of the compared values. Documents have integers only: a ratio of 3.2 is 3200. */
export const UNITS = ['rows', 'bytes', 'tables', 'milliseconds', 'thousandths'] as const;

/** One thing about a set that differs from the sets before it. */
export const Warning = z.object({
  code: z.enum(Object.keys(WARNINGS) as WarningCode[]),
  /** A sentence that names the table or content, and both values. */
  message: z.string().max(4000),
  content: Content.exactOptional(),
  relation: Name.exactOptional(),
  object: z.string().exactOptional(),
  /** The values: in the set `since`, which is the newest that it was compared with, and in this. */
  since: Timestamp.exactOptional(),
  unit: z.enum(UNITS).exactOptional(),
  was: Count.exactOptional(),
  is: Count.exactOptional(),
});
export type Warning = z.infer<typeof Warning>;

/** The fields of a verdict. Level `validate` only. */
export const Warnings = {
  /** The older sets, newest first, and how many tables. Absent = nothing was compared. */
  compared: z.object({ sets: z.array(Timestamp), tables: Count }).exactOptional(),
  /** Absent = none. */
  warningsTotal: Count.exactOptional(),
  warnings: z.array(Warning).max(WARNINGS_MAX).exactOptional(),
};

/** The result of a comparison. */
export interface WarningList {
  readonly compared?: { readonly sets: readonly string[]; readonly tables: number };
  readonly warnings: readonly Warning[];
  /** Of a list that a verdict has cut. */
  readonly warningsTotal?: number;
}

/** The fields of a verdict for a list of warnings of any length. */
export function boundedWarnings({
  compared,
  warnings,
  warningsTotal = warnings.length,
}: WarningList): {
  compared?: { sets: string[]; tables: number };
  warningsTotal?: number;
  warnings?: Warning[];
} {
  return {
    ...(compared && { compared: { ...compared, sets: [...compared.sets] } }),
    ...(warnings.length > 0 && {
      warningsTotal,
      warnings: warnings.slice(0, WARNINGS_MAX),
    }),
  };
}

/** One line for a user: the message and the code. */
export function describeWarning({ message, code }: Warning): string {
  return `${message} (${code})`;
}
