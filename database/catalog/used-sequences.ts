import type { QualifiedName } from '../../backup-set/base/selection.ts';
import type { Session } from '../session/session.ts';

/** A sequence whose value belongs to the rows of some tables. */
export interface UsedSequence extends QualifiedName {
  /** It also serves another table, and no column of the chosen tables owns it. */
  readonly isShared: boolean;
}

/**
 * The sequences that columns of these tables or of their partitioned parents own (serial and
 * identity), and those that a default of such a column draws from. A default that names its
 * sequence as text, `nextval('s'::text)`, is not known to the server.
 */
export async function usedSequences(
  session: Session,
  tables: readonly QualifiedName[],
): Promise<UsedSequence[]> {
  return session.query<UsedSequence>(
    `WITH RECURSIVE chosen AS (
       SELECT c.oid FROM unnest($1::text[], $2::text[]) AS w(schema, name)
       JOIN pg_namespace n ON n.nspname = w.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
       UNION
       SELECT i.inhparent FROM chosen JOIN pg_inherits i ON i.inhrelid = chosen.oid
     ), owned AS (
       SELECT d.objid AS sequence, d.refobjid AS relation FROM pg_depend d
       WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
         AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
     ), drawn AS (
       SELECT d.refobjid AS sequence, a.adrelid AS relation FROM pg_depend d
       JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
       WHERE d.refclassid = 'pg_class'::regclass
     )
     SELECT n.nspname AS schema, s.relname AS name,
       s.oid NOT IN (SELECT sequence FROM owned WHERE relation IN (SELECT oid FROM chosen))
       AND s.oid IN (SELECT sequence FROM (TABLE owned UNION ALL TABLE drawn) AS used
                     WHERE relation NOT IN (SELECT oid FROM chosen)) AS "isShared"
     FROM pg_class s JOIN pg_namespace n ON n.oid = s.relnamespace
     WHERE s.relkind = 'S' AND s.oid IN (SELECT sequence FROM (TABLE owned UNION ALL TABLE drawn) AS used
                                         WHERE relation IN (SELECT oid FROM chosen))`,
    [tables.map(({ schema }) => schema), tables.map(({ name }) => name)],
  );
}
