import type { ArchivedObject } from '../archive/write-archive.ts';

/** What came after PostgreSQL 9.4, from which Greenplum 6 comes, and triggers. */
export const NOT_IN_GREENPLUM = [
  'ACCESS METHOD',
  'INDEX ATTACH',
  'POLICY',
  'PROCEDURE',
  'PUBLICATION',
  'PUBLICATION TABLE',
  'PUBLICATION TABLES IN SCHEMA',
  'ROW SECURITY',
  'STATISTICS',
  'SUBSCRIPTION',
  'SUBSCRIPTION TABLE',
  'TABLE ATTACH',
  'TRANSFORM',
];

const SEQUENCE_TYPE = /^(CREATE SEQUENCE [^;]*?)\n {4}AS (?:smallint|integer|bigint)(?=\n)/;
const IDENTITY =
  /^ALTER TABLE (?:ONLY )?(\S.*?) ALTER COLUMN (\S.*?) ADD GENERATED (?:BY DEFAULT|ALWAYS) AS IDENTITY \(\n {4}SEQUENCE NAME (\S.*?)\n([^;]*?)\n\);/s;
const PARTITIONED = /^(CREATE TABLE [\s\S]*?\n\))\nPARTITION BY [^;\n]*/;

/**
 * The statements of an object as Greenplum 6 understands them: sequences without a type, identity
 * columns as defaults, a partitioned table as a table, and each of its partitions as a table.
 * @returns also what of the object is lost.
 */
export function forGreenplum({ statements }: ArchivedObject): {
  readonly statements: readonly string[];
  readonly lost: readonly string[];
} {
  const lost: string[] = [];
  const changed = statements.map((statement) => {
    const text = statement
      .replace(SEQUENCE_TYPE, '$1')
      .replace(IDENTITY, (_, table: string, column: string, sequence: string, options: string) => {
        lost.push('identity');
        const literal = sequence.replaceAll("'", "''");
        return [
          `CREATE SEQUENCE ${sequence}\n${options};`,
          `ALTER SEQUENCE ${sequence} OWNED BY ${table}.${column};`,
          `ALTER TABLE ONLY ${table} ALTER COLUMN ${column} SET DEFAULT nextval('${literal}'::regclass);`,
        ].join('\n');
      })
      .replace(PARTITIONED, (_, table: string) => {
        lost.push('partitioning');
        return table;
      });
    return text.replace(/ EXECUTE FUNCTION /g, ' EXECUTE PROCEDURE ');
  });
  return { statements: changed, lost };
}
