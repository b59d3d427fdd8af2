import type { QualifiedName } from '../../backup-set/base/selection.ts';
import { quoteLiteralOnOneLine, quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';

const SEQUENCES_PER_QUERY = 100;

/** The value of a sequence: the next one is `value`, or the one after it when `called`. */
export interface SequenceValue extends QualifiedName {
  /** Digits, because a bigint does not fit into a number. */
  readonly value: string;
  readonly called: boolean;
}

/**
 * One SQL statement per sequence (also those of identity columns) that sets its value, without a
 * line break inside or at its end. A restore reads it with `parseSequenceStatement`. Sequences are
 * not part of a snapshot: they are read after it was taken, so a value is never behind the rows. It
 * may be ahead of them, which leaves a gap, as a rollback does.
 */
export async function* sequenceStatements(session: Session): AsyncIterable<string> {
  const names = await readSequences(session);
  for (let at = 0; at < names.length; at += SEQUENCES_PER_QUERY) {
    const batch = names.slice(at, at + SEQUENCES_PER_QUERY);
    const values = await session.query<{ at: number; value: string; called: boolean }>(
      batch
        .map(
          (name, index) =>
            `SELECT ${index} AS at, last_value::text AS value, is_called AS called FROM ${quoteQualified(name)}`,
        )
        .join(' UNION ALL '),
    );
    for (const { at: index, value, called } of values.sort((a, b) => a.at - b.at)) {
      const name = batch[index];
      if (name !== undefined) yield sequenceStatement({ ...name, value, called });
    }
  }
}

export function sequenceStatement({ value, called, ...name }: SequenceValue): string {
  const literal = quoteLiteralOnOneLine(quoteQualified(name));
  return `SELECT pg_catalog.setval(${literal}::regclass, ${value}, ${called});`;
}

async function readSequences(session: Session): Promise<{ schema: string; name: string }[]> {
  return session.query(`
    SELECT n.nspname AS schema, c.relname AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (
        SELECT FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_extension'::regclass
          AND d.deptype = 'e' AND NOT coalesce(c.oid = ANY (x.extconfig), false))
    ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C"`);
}
