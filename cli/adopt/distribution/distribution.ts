import type { DefinedObject } from '../../../backup-set/documents/plan.ts';
import { quoteIdentifier } from '../../../database/session/quote.ts';
import { wrongFlag } from '../adopt-set.ts';
import type { ArchivedObject } from '../archive/write-archive.ts';
import { nameDecoder } from '../script/name-decoder.ts';
import { statementEnd } from '../script/statement-end.ts';
import { forGreenplum, NOT_IN_GREENPLUM } from './for-greenplum.ts';
import type { NamedPolicy, Policy } from './policy-file.ts';
import { keyColumns, readTable, relationIn, type TableText } from './table.ts';

/** What decides where the user names no columns. */
export const RULES = ['primary-key', 'first-column', 'random'] as const;
export type Rule = (typeof RULES)[number];

/** The definitions of a dump of PostgreSQL for Greenplum. */
export interface Distribution {
  /** @throws StowageError `usage/flag` when a name of the file is no table of any database. */
  judge(databases: readonly Definitions[]): void;
  objects(facts: Definitions): readonly ArchivedObject[];
  /** What Greenplum cannot have. */
  leftOut(facts: Definitions): readonly DefinedObject[];
}

export interface Definitions {
  /** With one character per byte (latin1). */
  readonly objects: readonly ArchivedObject[];
  readonly encoding: string;
}

/** Types that have a hash function in Greenplum 6; arrays and others are passed over. */
const HASHED =
  /^(?:smallint|integer|bigint|numeric|real|double precision|text|character(?: varying)?|"char"|date|time(?:stamp)?(?: with(?:out)? time zone)?|interval|uuid|boolean|bytea|inet|cidr|macaddr|oid|name)$/;

export function distributionBy(policies: readonly NamedPolicy[], rule: Rule): Distribution {
  const cache = new Map<Definitions['objects'], Distributed>();
  const distributed = (facts: Definitions) => {
    const known = cache.get(facts.objects) ?? distribute(facts, policies, rule);
    cache.set(facts.objects, known);
    return known;
  };
  return {
    judge: (databases) => requireTables(databases, policies),
    objects: (facts) => distributed(facts).objects,
    leftOut: (facts) => distributed(facts).leftOut,
  };
}

interface Distributed {
  readonly objects: readonly ArchivedObject[];
  readonly leftOut: readonly DefinedObject[];
}

function requireTables(databases: readonly Definitions[], policies: readonly NamedPolicy[]): void {
  const tables = new Map<string, TableText | undefined>();
  for (const facts of databases)
    for (const [key, { table }] of tablesIn(facts)) tables.set(key, table);
  for (const { schema, table, policy, line } of policies) {
    const key = keyOf(schema, table);
    const name = `${schema}.${table}`;
    if (!tables.has(key))
      throw wrongFlag(
        'distributed-by',
        `line ${line} of --distributed-by names ${name}, and the dump has no such table`,
      );
    const known = tables.get(key)?.columns.map((column) => column.name) ?? [];
    const lost =
      policy.kind === 'by' ? policy.columns.find((one) => !known.includes(one)) : undefined;
    // Inherited columns are not in the text of a table.
    if (lost !== undefined && tables.get(key)?.parents.length === 0)
      throw wrongFlag(
        'distributed-by',
        `line ${line} of --distributed-by distributes ${name} by ${lost}, and it has no such column`,
      );
  }
}

interface Known {
  readonly table: TableText | undefined;
  readonly at: number;
}

/** The tables of a dump by name. Names and columns are decoded. */
function tablesIn({ objects, encoding }: Definitions): ReadonlyMap<string, Known> {
  const decode = nameDecoder(encoding);
  const tables = new Map<string, Known>();
  for (const [at, { kind, schema, tag, statements }] of objects.entries()) {
    if (kind !== 'TABLE') continue;
    const text = readTable(decode(statements.find((one) => one.startsWith('CREATE ')) ?? ''));
    tables.set(keyOf(decode(schema), decode(tag)), { table: text, at });
  }
  return tables;
}

const keyOf = (schema: string, name: string) => JSON.stringify([schema, name]);

function distribute(facts: Definitions, policies: readonly NamedPolicy[], rule: Rule): Distributed {
  const { objects, encoding } = facts;
  const decode = nameDecoder(encoding);
  const tables = tablesIn(facts);
  const keys = keysIn(facts);
  const given = new Map(policies.map((one) => [keyOf(one.schema, one.table), one.policy]));
  const policyOf = (key: string): Policy | undefined => {
    const { table } = tables.get(key) ?? {};
    if (table === undefined || table.isDistributed) return undefined;
    const [parent] = table.parents;
    const own = given.get(key);
    if (own !== undefined || parent === undefined) return own ?? byRule(rule, table, keys.get(key));
    return policyOf(keyOf(parent.schema, parent.name));
  };
  const leftOut: DefinedObject[] = [];
  const kept: (ArchivedObject | undefined)[] = objects.map((object) => {
    const named = { kind: object.kind.toLowerCase(), name: decode(shownName(object)) };
    const reason =
      NOT_IN_GREENPLUM.includes(object.kind) || !fits(object, decode, tables, policyOf);
    if (reason) {
      leftOut.push(named);
      return undefined;
    }
    const policy =
      object.kind === 'TABLE'
        ? policyOf(keyOf(decode(object.schema), decode(object.tag)))
        : undefined;
    const { statements, lost } = forGreenplum(object);
    for (const kind of lost) leftOut.push({ ...named, kind });
    return {
      ...object,
      statements: policy === undefined ? statements : withClause(statements, policy),
    };
  });
  return { objects: renumbered(kept), leftOut };
}

const shownName = ({ schema, tag }: ArchivedObject) => (schema === '' ? tag : `${schema}.${tag}`);

/** The columns of the primary key of each table, else those of its first unique constraint. */
function keysIn({ objects, encoding }: Definitions): ReadonlyMap<string, readonly string[]> {
  const decode = nameDecoder(encoding);
  const found = new Map<string, readonly string[]>();
  for (const wanted of [/ PRIMARY KEY \(/, / UNIQUE \(/])
    for (const { kind, schema, statements } of objects) {
      const statement = decode(statements[0] ?? '');
      const columns =
        kind === 'CONSTRAINT' && wanted.test(statement) ? keyColumns(statement) : undefined;
      const relation = columns && relationIn(statement);
      if (columns === undefined || relation === undefined) continue;
      const key = keyOf(relation.schema || decode(schema), relation.name);
      if (!found.has(key)) found.set(key, columns);
    }
  return found;
}

function byRule(rule: Rule, { columns }: TableText, key: readonly string[] | undefined): Policy {
  if (rule === 'random') return { kind: 'randomly' };
  if (rule === 'primary-key' && key !== undefined) return { kind: 'by', columns: key };
  const first = columns.find(({ type }) => HASHED.test(type));
  return first === undefined ? { kind: 'randomly' } : { kind: 'by', columns: [first.name] };
}

/** False for a unique constraint or index without the columns that its table is distributed by. */
function fits(
  { kind, schema, statements }: ArchivedObject,
  decode: (bytes: string) => string,
  tables: ReadonlyMap<string, Known>,
  policyOf: (key: string) => Policy | undefined,
): boolean {
  const statement = decode(statements[0] ?? '');
  const isUnique =
    (kind === 'CONSTRAINT' && / (?:UNIQUE|PRIMARY KEY|EXCLUDE)\b/.test(statement)) ||
    (kind === 'INDEX' && statement.startsWith('CREATE UNIQUE INDEX '));
  if (!isUnique) return true;
  const relation = relationIn(statement);
  const key = relation && keyOf(relation.schema || decode(schema), relation.name);
  const policy = key === undefined || !tables.has(key) ? undefined : policyOf(key);
  if (policy === undefined || policy.kind === 'replicated') return true;
  const columns = keyColumns(statement);
  if (columns === undefined || policy.kind === 'randomly') return false;
  return policy.columns.every((column) => columns.includes(column));
}

/** Puts the clause before the end of the first CREATE. */
function withClause(statements: readonly string[], policy: Policy): readonly string[] {
  const text =
    policy.kind === 'by'
      ? `BY (${policy.columns.map(quoteIdentifier).join(', ')})`
      : policy.kind.toUpperCase();
  const clause = Buffer.from(` DISTRIBUTED ${text};`).toString('latin1');
  return statements.map((statement) => {
    if (!statement.startsWith('CREATE ')) return statement;
    const end = statementEnd(`${statement};`, 0, { standard: true }) ?? statement.length;
    return statement.slice(0, end - 1) + clause + statement.slice(end);
  });
}

/** The positions that objects depend on, without those that were left out. */
function renumbered(objects: readonly (ArchivedObject | undefined)[]): ArchivedObject[] {
  const places = new Map<number, number>();
  for (const [at, object] of objects.entries())
    if (object !== undefined) places.set(at, places.size);
  return objects
    .filter((object) => object !== undefined)
    .map((object) => ({
      ...object,
      dependsOn: object.dependsOn.flatMap((at) => places.get(at) ?? []),
    }));
}
