import type { SequenceValue } from '../../catalog/sequences.ts';
import { quoteQualified } from '../../session/quote.ts';
import type { Session } from '../../session/session.ts';
import { batches } from '../batches.ts';

/**
 * The values of the first list; where others have another value for a sequence, the one that is
 * furthest in its direction in the target. A sequence that the first list lacks has no definition.
 */
export async function mergedSequences(
  session: Session,
  [first = [], ...others]: readonly (readonly SequenceValue[])[],
): Promise<readonly SequenceValue[]> {
  if (others.length === 0) return first;
  const known = new Map(first.map((value) => [keyOf(value), [value]]));
  for (const value of others.flat()) known.get(keyOf(value))?.push(value);
  const differing = [...known.values()].filter(hasSeveral).map(([value]) => value as SequenceValue);
  const down = differing.length === 0 ? new Set<string>() : await descending(session, differing);
  return [...known].map(([key, values]) => furthest(values, down.has(key)));
}

const hasSeveral = (values: readonly SequenceValue[]) =>
  values.some(({ value, called }) => value !== values[0]?.value || called !== values[0]?.called);

/** The value after which no content has drawn another one. */
export function furthest(values: readonly SequenceValue[], isDescending: boolean): SequenceValue {
  return values.reduce((one, other) => {
    const [a, b] = [BigInt(one.value), BigInt(other.value)];
    if (a === b) return one.called ? one : other;
    return b > a !== isDescending ? other : one;
  });
}

/** The sequences that count down in the target, also those of identity columns. */
async function descending(
  session: Session,
  names: readonly SequenceValue[],
): Promise<ReadonlySet<string>> {
  const down = new Set<string>();
  const [{ isNew = false } = {}] = await session.query<{ isNew: boolean }>(
    `SELECT to_regclass('pg_catalog.pg_sequence') IS NOT NULL AS "isNew"`,
  );
  for (const batch of batches(names)) {
    const rows = await session.query<{ at: number }>(isNew ? SINCE_10 : BEFORE_10, [
      batch.map(({ schema }) => schema),
      batch.map(({ name }) => name),
    ]);
    for (const { at } of rows) {
      const name = batch[at];
      if (name !== undefined) down.add(keyOf(name));
    }
  }
  return down;
}

const WANTED = `SELECT w.at::int - 1 AS at
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(schema, name, at)`;
const SINCE_10 = `${WANTED} JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
  JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid WHERE s.seqincrement < 0`;
const BEFORE_10 = `${WANTED} JOIN information_schema.sequences s
  ON s.sequence_schema = w.schema AND s.sequence_name = w.name WHERE s.increment::numeric < 0`;

const keyOf = quoteQualified;
