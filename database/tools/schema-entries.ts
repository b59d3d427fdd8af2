import type { QualifiedName } from '../../backup-set/base/selection.ts';

export interface SchemaChoice {
  /** For pg_restore's --use-list, for both sections. */
  readonly list: string;
  /** Chosen tables that are not in the archive. */
  readonly missing: readonly QualifiedName[];
  /**
   * Foreign keys, rules and policies of chosen tables that are left out: they need something not
   * chosen.
   */
  readonly leftOut: readonly string[];
}

export interface SchemaChoiceOptions {
  /**
   * Also choose what the tables need: schemas, types, functions, extensions, sequences without an
   * owner, partitioned roots. For an empty database, where none of these exist.
   */
  readonly withNeeds: boolean;
}

/** What the choice needs to know of an entry of an archive. */
export interface SchemaEntry {
  readonly id: number;
  readonly kind: string;
  /** Schema, name and owner, separated by blanks, which names may contain too. */
  readonly tag: string;
  readonly dependsOn: readonly number[];
}

interface ListedEntry extends SchemaEntry {
  readonly line: string;
}

/** Tables and views: an entry that depends on one of these is chosen only together with it. */
export const RELATIONS = ['TABLE', 'FOREIGN TABLE', 'VIEW', 'MATERIALIZED VIEW'];
/**
 * Parts of a table, chosen together with it. SEQUENCE: one that a column owns depends on the table.
 */
export const PARTS = [
  'DEFAULT',
  'CHECK CONSTRAINT',
  'FK CONSTRAINT',
  'CONSTRAINT',
  'INDEX',
  'INDEX ATTACH',
  'TABLE ATTACH',
  'STATISTICS',
  'RULE',
  'TRIGGER',
  'ROW SECURITY',
  'POLICY',
  'SEQUENCE',
  'SEQUENCE OWNED BY',
  'ACL',
  'COMMENT',
  'SECURITY LABEL',
];
/** All other kinds: needed to find where the kind ends and the name begins. */
const OTHERS = [
  'SCHEMA',
  'EXTENSION',
  'TYPE',
  'SHELL TYPE',
  'DOMAIN',
  'FUNCTION',
  'PROCEDURE',
  'AGGREGATE',
  'OPERATOR',
  'OPERATOR CLASS',
  'OPERATOR FAMILY',
  'COLLATION',
  'CONVERSION',
  'CAST',
  'TRANSFORM',
  'PROCEDURAL LANGUAGE',
  'FOREIGN DATA WRAPPER',
  'SERVER',
  'USER MAPPING',
  'ACCESS METHOD',
  'TEXT SEARCH PARSER',
  'TEXT SEARCH DICTIONARY',
  'TEXT SEARCH TEMPLATE',
  'TEXT SEARCH CONFIGURATION',
  'DEFAULT ACL',
  'EVENT TRIGGER',
  'PUBLICATION',
  'PUBLICATION TABLE',
  'PUBLICATION TABLES IN SCHEMA',
  'SUBSCRIPTION',
  'MATERIALIZED VIEW DATA',
  'TABLE DATA',
  'SEQUENCE SET',
  'DATABASE',
  'DATABASE PROPERTIES',
  'ENCODING',
  'STDSTRINGS',
  'SEARCHPATH',
];
/** Longest first, so that `TABLE ATTACH` is not read as `TABLE`. */
const KINDS = [...RELATIONS, ...PARTS, ...OTHERS].sort((a, b) => b.length - a.length);

/** The listing without the entries of these schemas, for a target that has them already. */
export function withoutSchemas(listing: string, schemas: readonly string[]): string {
  const starts = schemas.map((schema) => `SCHEMA - ${schema} `);
  const isLeftOut = (line: string) => {
    const [, entry = ''] = /^\d+; \d+ \d+ (.*)$/.exec(line) ?? [];
    return starts.some((start) => entry.startsWith(start));
  };
  return listing
    .split('\n')
    .filter((line) => !isLeftOut(line))
    .join('\n');
}

/**
 * Chooses from a schema archive some tables, their parts, and on request what they need. The
 * listing
 * does not name the table of an index or constraint; its dependencies do.
 * `listing` is the output of `pg_restore --list --verbose`.
 */
export function selectSchemaEntries(
  listing: string,
  tables: readonly QualifiedName[],
  options: SchemaChoiceOptions,
): SchemaChoice {
  const entries = parseListing(listing);
  const { chosen, found, leftOut } = chooseEntries(entries, tables, options);
  return {
    list: entries
      .filter((entry) => chosen.has(entry))
      .map(({ line }) => `${line}\n`)
      .join(''),
    missing: tables.filter((table) => !found.has(table)),
    leftOut: leftOut.map(({ kind, tag }) => `${kind} ${tag}`),
  };
}

/** The choice of selectSchemaEntries among entries from any source. */
export function chooseEntries<Entry extends SchemaEntry>(
  entries: readonly Entry[],
  tables: readonly QualifiedName[],
  { withNeeds }: SchemaChoiceOptions,
): {
  readonly chosen: ReadonlySet<Entry>;
  readonly found: ReadonlyMap<QualifiedName, Entry>;
  readonly leftOut: readonly Entry[];
} {
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const found = findTables(entries, tables);
  const chosen = new Set(found.values());
  const need = (entry: Entry) => {
    for (const id of entry.dependsOn) {
      const needed = byId.get(id);
      if (needed === undefined || chosen.has(needed)) continue;
      chosen.add(needed);
      need(needed);
    }
  };
  const within = partRules(byId, chosen);
  // A part may have parts (a comment on an index) and needs of its own: repeat until nothing is
  // added.
  for (let before = -1; before !== chosen.size; ) {
    before = chosen.size;
    if (withNeeds) for (const entry of [...chosen]) need(entry);
    for (const entry of entries) if (!chosen.has(entry) && within.isWhole(entry)) chosen.add(entry);
  }
  const own = new Set(found.values());
  const leftOut = entries.filter(
    (entry) => !chosen.has(entry) && within.isPartOf(entry, own, found),
  );
  return { chosen, found, leftOut };
}

function partRules(byId: ReadonlyMap<number, SchemaEntry>, chosen: ReadonlySet<SchemaEntry>) {
  const binding = (entry: SchemaEntry) =>
    entry.dependsOn
      .flatMap((id) => byId.get(id) ?? [])
      .filter(({ kind }) => RELATIONS.includes(kind) || PARTS.includes(kind));
  return {
    /**
     * A part whose relations and parts are all chosen; or a comment or right on any chosen entry.
     */
    isWhole(entry: SchemaEntry): boolean {
      if (!PARTS.includes(entry.kind)) return false;
      const needs = binding(entry);
      if (needs.length > 0) return needs.every((needed) => chosen.has(needed));
      const isRemark = ['ACL', 'COMMENT', 'SECURITY LABEL'].includes(entry.kind);
      return isRemark && entry.dependsOn.some((id) => chosen.has(byId.get(id) ?? entry));
    },
    /**
     * A part of a chosen table that was left out because something else that it needs is not
     * chosen.
     */
    isPartOf(
      entry: SchemaEntry,
      own: ReadonlySet<SchemaEntry>,
      names: ReadonlyMap<QualifiedName, SchemaEntry>,
    ): boolean {
      if (!['FK CONSTRAINT', 'RULE', 'POLICY', 'TRIGGER'].includes(entry.kind)) return false;
      if (!binding(entry).some((needed) => own.has(needed))) return false;
      return [...names.keys()].some((table) => entry.tag.startsWith(`${tagOf(table)} `));
    },
  };
}

/**
 * Name and owner are separated only by a blank: of several entries that match, take the shortest.
 */
function findTables<Entry extends SchemaEntry>(
  entries: readonly Entry[],
  tables: readonly QualifiedName[],
): Map<QualifiedName, Entry> {
  const shortest = new Map(
    tables.map((table) => [`${tagOf(table)} `, undefined as Entry | undefined]),
  );
  for (const entry of entries) {
    const { kind, tag } = entry;
    if (kind !== 'TABLE') continue;
    // Every blank may be the one before the owner.
    for (let at = tag.indexOf(' '); at !== -1; at = tag.indexOf(' ', at + 1)) {
      const start = tag.slice(0, at + 1);
      if (shortest.has(start) && tag.length < (shortest.get(start)?.tag.length ?? Infinity))
        shortest.set(start, entry);
    }
  }
  return new Map(
    tables.flatMap((table): [QualifiedName, Entry][] => {
      const entry = shortest.get(`${tagOf(table)} `);
      return entry === undefined ? [] : [[table, entry]];
    }),
  );
}

/** pg_restore writes line breaks in names as blanks. */
function tagOf({ schema, name }: QualifiedName): string {
  return `${schema} ${name}`.replaceAll(/[\r\n]/g, ' ');
}

function parseListing(listing: string): ListedEntry[] {
  const entries: { id: number; kind: string; tag: string; line: string; dependsOn: number[] }[] =
    [];
  for (const line of listing.split('\n')) {
    const depends = /^;\s+depends on:((?: \d+)*)/.exec(line);
    if (depends !== null)
      entries
        .at(-1)
        ?.dependsOn.push(...(depends[1] ?? '').trim().split(' ').filter(Boolean).map(Number));
    const entry = /^(\d+); \d+ \d+ (.*)$/s.exec(line);
    if (entry === null) continue;
    const [, id, rest = ''] = entry;
    const kind = KINDS.find((known) => rest.startsWith(`${known} `)) ?? rest.split(' ', 1)[0] ?? '';
    entries.push({ id: Number(id), kind, tag: rest.slice(kind.length + 1), line, dependsOn: [] });
  }
  return entries;
}
