import type { QualifiedName } from '../../backup-set/base/selection.ts';
import type { Session } from '../session/session.ts';

/**
 * The sequences (serial and identity) owned by columns of these tables or of their partitioned
 * parents.
 */
export async function ownedSequences(
  session: Session,
  tables: readonly QualifiedName[],
): Promise<QualifiedName[]> {
  return session.query<{ schema: string; name: string }>(
    `WITH RECURSIVE chosen AS (
       SELECT c.oid FROM unnest($1::text[], $2::text[]) AS w(schema, name)
       JOIN pg_namespace n ON n.nspname = w.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
       UNION
       SELECT i.inhparent FROM chosen JOIN pg_inherits i ON i.inhrelid = chosen.oid
     )
     SELECT DISTINCT n.nspname AS schema, s.relname AS name
     FROM chosen
     JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = chosen.oid
       AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
     JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
     JOIN pg_namespace n ON n.oid = s.relnamespace`,
    [tables.map(({ schema }) => schema), tables.map(({ name }) => name)],
  );
}
