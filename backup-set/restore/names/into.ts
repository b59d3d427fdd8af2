import { StowageError } from '../../base/errors.ts';
import type { QualifiedName } from '../../base/selection.ts';
import { count } from '../../base/words.ts';
import type { Into } from '../../documents/restore/names.ts';
import type { RestoreRequest } from '../../documents/restore/restore.ts';
import { findFormat } from '../../flavours/formats.ts';
import { derivedName } from './derived.ts';

/** Schemas or tables that a message names. */
const NAMED = 5;

interface NamedRelation extends QualifiedName {
  readonly partitionRoot?: QualifiedName | undefined;
}

/**
 * The names that a request gives to what it has chosen; undefined = those of the set.
 * @returns a string that says why the chosen relations cannot have them.
 */
export function namesOrReason(
  { into: names, target }: Pick<RestoreRequest, 'into' | 'target'>,
  chosen: Iterable<NamedRelation>,
): Into | undefined | string {
  if (names === undefined) return undefined;
  const relations = [...chosen];
  // The plan says that the selection matches nothing.
  if (relations.length === 0) return undefined;
  if ('schema' in names) {
    const schemas = [...new Set(relations.map(({ schema }) => schema))].sort();
    const [from] = schemas;
    if (from === undefined || schemas.length > 1) return severalSchemas(relations, schemas);
    return from === names.schema ? sameName(from) : { from, schema: names.schema };
  }
  const roots = new Map(
    relations.map(({ schema, name, partitionRoot }) => {
      const one = partitionRoot ?? { schema, name };
      return [JSON.stringify([one.schema, one.name]), one];
    }),
  );
  const [only] = relations;
  const [root] = [...roots.values()];
  // A partition that was chosen by its own name is a table like others.
  const isPart = relations.length === 1 && only?.partitionRoot !== undefined;
  if (root === undefined || only === undefined || roots.size !== 1)
    return `--as gives another name to one table, and the selection has ${count(roots.size)}: choose one with --table`;
  if (isPart && findFormat(target.flavour)?.hasOneCatalog === true)
    return `${only.schema}.${only.name} is a partition, which ${target.flavour} defines with its table: choose --table ${root.schema}.${root.name}`;
  const { schema, name } = isPart ? only : root;
  const isSame = schema === names.table.schema && name === names.table.name;
  return isSame ? sameName(`${schema}.${name}`) : { from: { schema, name }, table: names.table };
}

/** A partition outside the schema of its table would have to replace the one that is there. */
function severalSchemas(relations: readonly NamedRelation[], schemas: readonly string[]): string {
  const ofTables = new Set(relations.map((one) => (one.partitionRoot ?? one).schema));
  const part = relations.find(
    (one) => one.partitionRoot && one.partitionRoot.schema !== one.schema,
  );
  if (ofTables.size === 1 && part?.partitionRoot !== undefined) {
    const { schema, name } = part.partitionRoot;
    const [table, leaf] = [`${schema}.${name}`, `${part.schema}.${part.name}`];
    return `--into-schema gives another name to schema ${schema}, and ${leaf}, a partition of ${table}, is in schema ${part.schema}: leave the table out with --exclude-table ${table}, and copy it with --table ${table} --as NAME`;
  }
  return `--into-schema gives another name to one schema, and the selection has tables of ${count(schemas.length)} schemas (${schemas.slice(0, NAMED).join(', ')}${schemas.length > NAMED ? ', …' : ''}): choose one with --include-schema`;
}

const sameName = (name: string) =>
  `the set has the name ${name} already: choose another name, or restore without --into-schema and --as`;

/** As `namesOrReason`, of a request that has a plan. */
export function intoOf(
  request: Pick<RestoreRequest, 'into' | 'target'>,
  chosen: Iterable<NamedRelation>,
): Into | undefined {
  const found = namesOrReason(request, chosen);
  if (typeof found === 'string') throw new StowageError('internal', found);
  return found;
}

/** The name of a relation of the set in the target. The only place that decides it. */
export function targetName(into: Into | undefined, relation: QualifiedName): QualifiedName {
  const { schema, name } = relation;
  if (into === undefined) return { schema, name };
  if ('schema' in into) return { schema: schema === into.from ? into.schema : schema, name };
  const { from, table } = into;
  if (schema === from.schema && name === from.name) return table;
  return {
    schema: schema === from.schema ? table.schema : schema,
    name: derivedName(name, from.name, table.name),
  };
}
