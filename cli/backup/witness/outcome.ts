import { count, plural } from '../../../backup-set/base/words.ts';
import { type Plan, rangesOf } from '../../../backup-set/documents/plan.ts';
import { countReasons } from '../../../backup-set/witness/decide.ts';
import { REASONS, type Reason } from '../../../backup-set/witness/reasons.ts';
import { printable } from '../../output/format.ts';
import type { DecidedContents } from './documents.ts';
import type { PreparedWitnesses } from './prepare.ts';

/** What witnesses did for a backup. */
export interface WitnessOutcome {
  /** Relations of the plan, and those that were read in at least one content. */
  readonly tables: number;
  readonly readTables: number;
  /** Why relations were read that have or could have a witness, per relation and content. */
  readonly reasons: readonly { readonly reason: Reason; readonly tables: number }[];
  /** Servers that gave no witness of a kind, and why. */
  readonly unavailable: readonly {
    readonly content: number;
    readonly kind: string;
    readonly message: string;
    readonly unsupported?: true;
  }[];
}

export function witnessOutcome(
  plan: Plan,
  decided: DecidedContents | undefined,
  { contents }: Pick<PreparedWitnesses, 'contents'>,
): WitnessOutcome {
  const read = new Uint8Array(plan.relations.length);
  for (const { content, relations } of plan.contents) {
    const unread = new Set(decided?.get(content)?.unread.map(({ relation }) => relation));
    for (const [first, last] of relations)
      for (let id = first; id <= last; id++) if (!unread.has(id)) read[id] = 1;
  }
  return {
    tables: plan.relations.length,
    readTables: read.reduce((sum, one) => sum + one, 0),
    reasons: countReasons(
      [...(decided?.values() ?? [])].flatMap((one) => [...one.reasons.values()]),
    ),
    unavailable: [...contents].flatMap(([content, kinds]) =>
      kinds.flatMap(({ kind, unavailable, unsupported }) =>
        unavailable === undefined
          ? []
          : [{ content, kind, message: unavailable, ...(unsupported && { unsupported }) }],
      ),
    ),
  };
}

/** The fields of `--json`. */
export function witnessFields({ tables, readTables, reasons, unavailable }: WitnessOutcome) {
  const carriedTables = tables - readTables;
  return { tables, readTables, carriedTables, witnesses: { reasons, unavailable } };
}

/** Nothing where the servers have no witnesses, and after the first backup. */
export function witnessLines(
  { tables, readTables, reasons, unavailable }: WitnessOutcome,
  { base }: Pick<Plan, 'base'>,
): string[] {
  if (base === undefined) return [];
  const why = reasons.map(({ reason, tables: some }) => `${REASONS[reason]} (${count(some)})`);
  return [
    ...(readTables === tables
      ? []
      : [
          `read ${count(readTables)} of ${plural(tables, 'table')}: the rows of the others did not change since set ${base.timestamp}`,
        ]),
    ...(why.length === 0 ? [] : [`why tables were read, per table and segment: ${why.join('; ')}`]),
    ...unavailableLines(unavailable),
  ];
}

/** One line for all contents with the same reason. */
function unavailableLines(unavailable: WitnessOutcome['unavailable']): string[] {
  const worthSaying = unavailable.filter(({ unsupported }) => unsupported !== true);
  const alike = Map.groupBy(worthSaying, ({ kind, message }) => JSON.stringify([kind, message]));
  return [...alike.values()].flatMap((list) => {
    const [first] = list;
    if (first === undefined) return [];
    const contents = rangesOf(list.map(({ content }) => content))
      .map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`))
      .join(', ');
    const have = list.length === 1 ? `content ${contents} has` : `contents ${contents} have`;
    return [`${have} no ${first.kind} witness: ${printable(first.message)}`];
  });
}
