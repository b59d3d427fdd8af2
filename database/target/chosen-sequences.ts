import { type QualifiedName, type Selection, selector } from '../../backup-set/base/selection.ts';
import type { SequenceValue } from '../catalog/sequences.ts';
import type { UsedSequence } from '../catalog/used-sequences.ts';
import { quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';
import { setSequences } from './sequence-values.ts';

interface ChosenSequences {
  /** Those of the tables that the restore loads. */
  readonly used: readonly UsedSequence[];
  readonly selection?: Selection | undefined;
  /** Sequences that the restore has made. */
  readonly made: readonly QualifiedName[];
}

/**
 * Sets the sequences that belong to a restore of chosen objects: those that the tables own or draw
 * from, those of the chosen schemas, and those that the restore has made. One that also serves a
 * table that was not restored only moves forward, because that table has newer rows.
 * @returns the selected sequences that the target lacks.
 */
export async function setChosenSequences(
  session: Session,
  values: readonly SequenceValue[],
  { used: ofTables, selection, made }: ChosenSequences,
): Promise<QualifiedName[]> {
  const used = new Map(ofTables.map((each) => [keyOf(each), each]));
  const isMade = new Set(made.map(keyOf));
  const isChosen = selection === undefined ? () => false : selector(selection);
  const states = await sequenceStates(
    session,
    values.filter((value) => isChosen(value)),
  );
  const absent: QualifiedName[] = [];
  const wanted: SequenceValue[] = [];
  for (const value of values) {
    const key = keyOf(value);
    const state = states.get(key);
    if (state?.exists === false) absent.push(value);
    const shared = used.get(key)?.isShared === true && !isMade.has(key);
    if (shared && !(await isForward(session, value))) continue;
    // A sequence that a column owns goes with its table.
    const isSelected = state?.exists === true && !state.isOwned;
    if (used.has(key) || isMade.has(key) || isSelected) wanted.push(value);
  }
  await setSequences(session, wanted);
  return absent;
}

interface SequenceState {
  readonly exists: boolean;
  readonly isOwned: boolean;
}

async function sequenceStates(
  session: Session,
  names: readonly QualifiedName[],
): Promise<ReadonlyMap<string, SequenceState>> {
  const rows = await session.query<QualifiedName & SequenceState>(
    `SELECT w.schema, w.name, s.oid IS NOT NULL AS exists,
       EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = s.oid
         AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0) AS "isOwned"
     FROM unnest($1::text[], $2::text[]) AS w(schema, name)
     LEFT JOIN (pg_class s JOIN pg_namespace n ON n.oid = s.relnamespace AND s.relkind = 'S')
       ON n.nspname = w.schema AND s.relname = w.name`,
    [names.map(({ schema }) => schema), names.map(({ name }) => name)],
  );
  return new Map(rows.map((row) => [keyOf(row), row]));
}

/** Whether the value of the set is ahead of that of the target. */
async function isForward(session: Session, value: SequenceValue): Promise<boolean> {
  const [now] = await session.query<{ value: string; called: boolean; increment: string }>(
    `SELECT last_value::text AS value, is_called AS called,
       (SELECT increment::text FROM information_schema.sequences
        WHERE sequence_schema = $1 AND sequence_name = $2) AS increment
     FROM ${quoteQualified(value)}`,
    [value.schema, value.name],
  );
  if (now === undefined) return false;
  const step = BigInt(now.increment ?? '1');
  const next = (each: { value: string; called: boolean }) =>
    BigInt(each.value) + (each.called ? step : 0n);
  return step > 0n ? next(value) > next(now) : next(value) < next(now);
}

const keyOf = quoteQualified;
