import type { QualifiedName } from '../../backup-set/base/selection.ts';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';

/** What the catalog of the target says about a table that a restore loads. */
export interface TableFacts {
  /** Whether our role may alter the table. */
  readonly isOwner: boolean;
  /** Triggers that fire although `session_replication_role` is replica. */
  readonly alwaysTriggers: readonly string[];
  readonly replicaTriggers: readonly string[];
  /** The extension that the table belongs to. */
  readonly extension: string | null;
  /**
   * The clause that selects the user's rows of an extension's configuration table, e.g.
   * `WHERE NOT standard`. Empty = all rows are the user's; null = not a configuration table.
   */
  readonly condition: string | null;
}

/** Columns of a query on `pg_class c`. Also for the catalog of PostgreSQL 9.4 (Greenplum 6). */
const FACTS = `pg_catalog.pg_has_role(c.relowner, 'USAGE') AS "isOwner",
  ${triggersThatAre('A')} AS "alwaysTriggers", ${triggersThatAre('R')} AS "replicaTriggers",
  x.extension, x.condition`;
const FROM_EXTENSIONS = `LEFT JOIN (
    SELECT d.objid, e.extname::text AS extension,
           (SELECT e.extcondition[i] FROM generate_subscripts(e.extconfig, 1) i
            WHERE e.extconfig[i] = d.objid) AS condition
    FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objsubid = 0
      AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e') x ON x.objid = c.oid`;

function triggersThatAre(enabled: 'A' | 'R'): string {
  return `ARRAY(SELECT t.tgname::text FROM pg_catalog.pg_trigger t
    WHERE t.tgrelid = c.oid AND t.tgenabled = '${enabled}' ORDER BY 1)`;
}

/** The facts of these tables by their place in the list; a table that does not exist has none. */
export async function tableFacts(
  session: Session,
  tables: readonly QualifiedName[],
): Promise<ReadonlyMap<number, TableFacts>> {
  const rows = await session.query<TableFacts & { at: number }>(
    `SELECT w.at::int - 1 AS at, ${FACTS}
     FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(schema, name, at)
     JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
     JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
     ${FROM_EXTENSIONS}`,
    [tables.map(({ schema }) => schema), tables.map(({ name }) => name)],
  );
  return new Map(rows.map(({ at, ...facts }) => [at, facts]));
}

/** A query of the facts of one table, for `Session.script`. `oid` is an SQL expression. */
export function factsQuery(oid: string): string {
  return `SELECT ${FACTS} FROM pg_catalog.pg_class c ${FROM_EXTENSIONS} WHERE c.oid = ${oid}`;
}

/** A query of the facts of several tables, for `Session.script`. */
export function factsOfAll(tables: readonly QualifiedName[]): string {
  const oids = tables.map((table) => `${quoteLiteral(quoteQualified(table))}::pg_catalog.regclass`);
  return `SELECT ${FACTS} FROM pg_catalog.pg_class c ${FROM_EXTENSIONS} WHERE c.oid IN (${oids.join(', ')})`;
}

/** The schemas of installed extensions that not every database has. */
export async function extensionSchemas(session: Session): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT DISTINCT n.nspname AS name
     FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
     WHERE n.nspname NOT IN ('pg_catalog', 'public')`,
  );
  return rows.map(({ name }) => name);
}

/** Whether the extension itself owns some rows of the table: a restore must not delete these. */
export function isPartlyOwn({ condition }: Pick<TableFacts, 'condition'>): boolean {
  return condition !== null && condition.trim() !== '';
}

/** `"schema"."table" WHERE …`: the rows that a restore may delete, for FROM ONLY. */
export function replaceableRows(table: QualifiedName, facts: TableFacts | undefined): string {
  return `${quoteQualified(table)} ${facts?.condition ?? ''}`;
}

/**
 * Statements that stop a table's triggers from firing and that give them their state again. Absent
 * when no trigger fires. Both belong in one transaction: then the state comes back in any case.
 */
export function triggerStatements(
  table: QualifiedName,
  { alwaysTriggers, replicaTriggers }: TableFacts,
): { readonly disable: string; readonly enable: string } | undefined {
  if (alwaysTriggers.length + replicaTriggers.length === 0) return undefined;
  const alter = (action: string, triggers: readonly string[]) =>
    triggers.map((trigger) => `${action} TRIGGER ${quoteIdentifier(trigger)}`);
  const statement = (actions: readonly string[]) =>
    `ALTER TABLE ONLY ${quoteQualified(table)} ${actions.join(', ')}`;
  return {
    disable: statement(alter('DISABLE', [...alwaysTriggers, ...replicaTriggers])),
    enable: statement([
      ...alter('ENABLE ALWAYS', alwaysTriggers),
      ...alter('ENABLE REPLICA', replicaTriggers),
    ]),
  };
}
