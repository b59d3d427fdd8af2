import { StowageError } from '../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../backup-set/base/selection.ts';
import { quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';

/** An extension's filter begins with WHERE, or is another clause, which pg_dump allows too. */
export function conditionOf(extensionCondition: string | null): string | undefined {
  const text = extensionCondition?.trim() ?? '';
  if (text === '') return undefined;
  return /^where\s/i.test(text) ? text.slice('where'.length).trim() : `true ${text}`;
}

/**
 * What to read of a relation in this session's database: its condition, when it is the
 * configuration table of an extension. Conditions are SQL, so they come from the database's own
 * catalogs and never from a document: an order could then run any statement.
 * The returned function throws StowageError `database/denied` for a system catalog. No backup
 * ships one, so the order was forged, and pg_authid has the hashes of passwords.
 */
export async function readConditions(
  session: Session,
): Promise<
  <Relation extends QualifiedName>(relation: Relation) => Relation & { condition?: string }
> {
  const rows = await session.query<QualifiedName & { condition: string }>(`
    SELECT n.nspname AS schema, c.relname AS name, e.condition
    FROM (SELECT unnest(extconfig) AS oid, unnest(extcondition) AS condition FROM pg_extension) e
    JOIN pg_class c ON c.oid = e.oid JOIN pg_namespace n ON n.oid = c.relnamespace`);
  const conditions = new Map(rows.map((row) => [quoteQualified(row), conditionOf(row.condition)]));
  return (relation) => {
    const { schema, name } = relation;
    if (/^pg_|^information_schema$/.test(schema)) {
      const message = `${schema}.${name} is a system catalog: no backup reads its rows`;
      throw new StowageError('database/denied', message, {
        where: { relation: `${schema}.${name}` },
      });
    }
    const condition = conditions.get(quoteQualified(relation));
    return condition === undefined ? relation : { ...relation, condition };
  };
}
