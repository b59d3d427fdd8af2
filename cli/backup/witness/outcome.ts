import { count, plural } from '../../../backup-set/base/words.ts';
import { idsOf, type Plan, rangesOf } from '../../../backup-set/documents/plan.ts';
import { countReasons } from '../../../backup-set/witness/decide.ts';
import { REASONS, type Reason } from '../../../backup-set/witness/reasons.ts';
import { bytes, printable } from '../../output/format.ts';
import type { DecidedContents } from './documents.ts';
import type { PreparedWitnesses } from './prepare.ts';

/** What witnesses did for a backup. */
export interface WitnessOutcome {
  /** Relations of the plan, and those that were read in at least one content. */
  readonly tables: number;
  readonly readTables: number;
  /** Of these: those of which not all blocks were read, in any content. */
  readonly partTables: number;
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
  const whole = new Uint8Array(plan.relations.length);
  for (const { content, relations } of plan.contents) {
    const unread = new Set(decided?.get(content)?.unread.map(({ relation }) => relation));
    const ranged = decided?.get(content)?.ranged.filter(({ unread }) => unread !== undefined);
    const parts = new Set(ranged?.map(({ relation }) => relation));
    for (const id of idsOf(relations)) {
      if (unread.has(id)) continue;
      read[id] = 1;
      if (!parts.has(id)) whole[id] = 1;
    }
  }
  return {
    tables: plan.relations.length,
    readTables: sumOf(read),
    partTables: sumOf(read) - sumOf(whole),
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

const sumOf = (flags: Uint8Array) => flags.reduce((sum, one) => sum + one, 0);

/** The fields of `--json`. */
export function witnessFields(outcome: WitnessOutcome) {
  const { tables, readTables, partTables, reasons, unavailable } = outcome;
  const carriedTables = tables - readTables;
  return { tables, readTables, partTables, carriedTables, witnesses: { reasons, unavailable } };
}

/** Nothing where the servers have no witnesses, and after the first backup. */
export function witnessLines(
  { tables, readTables, partTables, reasons, unavailable }: WitnessOutcome,
  { base }: Pick<Plan, 'base'>,
  read: { readonly readBytes: number; readonly bytes: number },
): string[] {
  if (base === undefined) return [];
  const why = reasons.map(({ reason, tables: some }) => `${REASONS[reason]} (${count(some)})`);
  const inPart =
    partTables === 0
      ? ''
      : `, ${count(partTables)} of them in part (${bytes(read.readBytes)} of ${bytes(read.bytes)})`;
  return [
    ...(readTables === tables && partTables === 0
      ? []
      : [
          `read ${count(readTables)} of ${plural(tables, 'table')}${inPart}: the rows of the others did not change since set ${base.timestamp}`,
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
