import type { QualifiedName } from '../../backup-set/base/selection.ts';
import type { Into } from '../../backup-set/documents/restore/names.ts';
import { derivedName } from '../../backup-set/restore/names/derived.ts';
import { targetName } from '../../backup-set/restore/names/into.ts';
import type { ArchiveObject } from '../objects/expected.ts';
import { argumentsAt } from './identifiers.ts';

/** The names of a set that a restore makes under another name. */
export interface MadeNames {
  readonly into: Into;
  /** The name in the target; undefined: the restore does not make it, or keeps its name. */
  newName(schema: string, name: string): QualifiedName | undefined;
  /** The name of the schema in the target; undefined: it keeps its name. */
  newSchema(schema: string): string | undefined;
  /** All new names. */
  readonly all: readonly QualifiedName[];
}

/** What `madeNames` needs to know of an entry of the archive. */
export type MadeEntry = Pick<ArchiveObject, 'id' | 'kind' | 'schema' | 'name' | 'dependsOn'>;

const WITH_ARGUMENTS = ['FUNCTION', 'PROCEDURE', 'AGGREGATE'];
/** Entries whose names are no names of a schema, but of a table, or repeat another entry's. */
const OF_ANOTHER = new Set([
  'DEFAULT',
  'CHECK CONSTRAINT',
  'FK CONSTRAINT',
  'INDEX ATTACH',
  'TABLE ATTACH',
  'RULE',
  'TRIGGER',
  'ROW SECURITY',
  'POLICY',
  'SEQUENCE OWNED BY',
  'ACL',
  'COMMENT',
  'SECURITY LABEL',
  'DEFAULT ACL',
  'EXTENSION',
  'CAST',
]);
/** What a table owns and PostgreSQL keeps under a name of the schema. */
const OWN_NAMES = ['INDEX', 'CONSTRAINT', 'SEQUENCE', 'STATISTICS'];

/**
 * The names of the objects that a restore makes from these entries of an archive. References to
 * other objects, such as a function of an extension or a type that is not restored, keep theirs.
 * @param more names of the renamed schema that no entry has.
 */
export function madeNames(
  into: Into,
  entries: Iterable<MadeEntry>,
  more: Iterable<string> = [],
): MadeNames {
  return 'schema' in into ? namesInSchema(into, entries, more) : namesOfTable(into, entries);
}

function namesInSchema(
  into: Extract<Into, { schema: string }>,
  entries: Iterable<MadeEntry>,
  more: Iterable<string>,
): MadeNames {
  const listed = [...entries];
  const byId = new Map(listed.map((entry) => [entry.id, entry]));
  const made = new Set(more);
  for (const entry of listed) {
    const { kind, schema, name } = entry;
    if (schema !== into.from || name === undefined || OF_ANOTHER.has(kind)) continue;
    const table = entry.dependsOn.map((id) => byId.get(id)).find(isTable);
    const own = WITH_ARGUMENTS.includes(kind)
      ? name.slice(0, argumentsAt(name))
      : kind === 'CONSTRAINT'
        ? withoutTable(name, table?.name)
        : name;
    made.add(own);
  }
  return {
    into,
    newName: (schema, name) =>
      schema === into.from && made.has(name) ? { schema: into.schema, name } : undefined,
    newSchema: (schema) => (schema === into.from ? into.schema : undefined),
    all: [...made].map((name) => ({ schema: into.schema, name })),
  };
}

/** `orders orders_pkey` → `orders_pkey`. */
function withoutTable(tag: string, table: string | undefined): string {
  return table !== undefined && tag.startsWith(`${table} `) ? tag.slice(table.length + 1) : tag;
}

const isTable = (entry: MadeEntry | undefined) =>
  entry?.kind === 'TABLE' || entry?.kind === 'FOREIGN TABLE';

function namesOfTable(
  into: Extract<Into, { table: QualifiedName }>,
  entries: Iterable<MadeEntry>,
): MadeNames {
  const listed = [...entries];
  const tables = new Map(
    tablesOf(into.from, listed).map((old) => [old.id, { old, made: targetName(into, old) }]),
  );
  const made = new Map([...tables.values()].map(({ old, made }) => [keyOf(old), made]));
  const taken = new Set([...made.values()].map(keyOf));
  for (const { kind, schema, name, dependsOn } of listed) {
    if (!OWN_NAMES.includes(kind) || name === undefined) continue;
    const table = dependsOn.map((id) => tables.get(id)).find((found) => found !== undefined);
    if (table === undefined) continue;
    const { old, made: to } = table;
    const own = kind === 'CONSTRAINT' ? withoutTable(name, old.name) : name;
    const inSchema = schema === old.schema ? to.schema : schema;
    const derived = (text: string) => ({
      schema: inSchema,
      name: derivedName(text, old.name, to.name),
    });
    let free = derived(own);
    // The set can have a name that equals the derived name of another.
    for (let n = 2; taken.has(keyOf(free)); n++) free = derived(`${own}_${n}`);
    taken.add(keyOf(free));
    made.set(keyOf({ schema, name: own }), free);
  }
  return {
    into,
    newName: (schema, name) => made.get(keyOf({ schema, name })),
    newSchema: () => undefined,
    all: [...made.values()],
  };
}

/** A table and, level by level, the partitions that its entries attach. */
function tablesOf(from: QualifiedName, entries: readonly MadeEntry[]) {
  const named = entries.flatMap((entry) => {
    const { id, schema, name } = entry;
    return isTable(entry) && name !== undefined ? [{ id, schema, name }] : [];
  });
  const attached = entries.filter(({ kind }) => kind === 'TABLE ATTACH');
  const found = new Set(named.filter((table) => keyOf(table) === keyOf(from)));
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    const ids = new Set([...found].map(({ id }) => id));
    const near = attached.filter(({ dependsOn }) => dependsOn.some((id) => ids.has(id)));
    for (const table of named)
      if (near.some(({ dependsOn }) => dependsOn.includes(table.id))) found.add(table);
  }
  return [...found];
}

const keyOf = ({ schema, name }: QualifiedName) => JSON.stringify([schema, name]);
