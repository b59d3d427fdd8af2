import type { TocEntry } from '../objects/toc.ts';

/** What one entry of an archive needs from the server that restores it. */
export interface EntryNeeds {
  /** The role that pg_restore makes its owner. Empty: none. */
  readonly owner: string;
  /** Roles that its GRANT and REVOKE name. */
  readonly grantees: readonly string[];
  /** Roles that its own statement names, of a policy or a user mapping. */
  readonly members: readonly string[];
  readonly extension?: string;
  readonly language?: string;
  /** Empty: the default. */
  readonly tablespace: string;
  readonly accessMethod: string;
  /** Present when the entry itself creates an access method. */
  readonly brings?: string;
  /** Entries of the lock table that its creation takes until the transaction ends. */
  readonly locks: number;
}

/** The kinds for which pg_restore runs ALTER … OWNER TO. */
const OWNED = new Set([
  'AGGREGATE',
  'BLOB',
  'BLOB METADATA',
  'COLLATION',
  'CONVERSION',
  'DATABASE',
  'DOMAIN',
  'EVENT TRIGGER',
  'FOREIGN DATA WRAPPER',
  'FOREIGN TABLE',
  'FUNCTION',
  'MATERIALIZED VIEW',
  'OPERATOR',
  'OPERATOR CLASS',
  'OPERATOR FAMILY',
  'PROCEDURAL LANGUAGE',
  'PROCEDURE',
  'PUBLICATION',
  'SCHEMA',
  'SEQUENCE',
  'SERVER',
  'STATISTICS',
  'SUBSCRIPTION',
  'TABLE',
  'TEXT SEARCH CONFIGURATION',
  'TEXT SEARCH DICTIONARY',
  'TYPE',
  'VIEW',
]);
const RELATIONS = new Set([
  'TABLE',
  'FOREIGN TABLE',
  'VIEW',
  'MATERIALIZED VIEW',
  'SEQUENCE',
  'INDEX',
  'CONSTRAINT',
]);
/** Every server has this access method. */
const BUILT_IN = 'heap';
/** A column of unbounded length gives its table a TOAST table with an index. */
const HAS_TOAST =
  /\b(?:text|bytea|jsonb?|xml|tsvector|hstore|geometry|character varying|numeric)(?![\w(])|\[\]/;

export function needsOf({
  kind,
  name = '',
  owner,
  tablespace,
  accessMethod,
  section,
  definition,
}: TocEntry): EntryNeeds {
  const isSchemaObject = section !== 'data' || kind.startsWith('BLOB');
  const roles = isSchemaObject ? rolesIn(kind, definition) : NO_ROLES;
  return {
    owner: isSchemaObject && OWNED.has(kind) ? owner : '',
    ...roles,
    ...(kind === 'EXTENSION' && { extension: name }),
    ...(kind === 'PROCEDURAL LANGUAGE' && { language: name }),
    ...(kind === 'ACCESS METHOD' && { brings: name }),
    tablespace: isSchemaObject ? tablespace : '',
    accessMethod: accessMethod === BUILT_IN ? '' : accessMethod,
    locks: locksOf(kind, definition),
  };
}

/** Entries of the lock table that the creation of an object takes until its transaction ends. */
export function locksOf(kind: string, definition: () => string): number {
  if (!RELATIONS.has(kind)) return 0;
  const hasRows = kind === 'TABLE' || kind === 'MATERIALIZED VIEW';
  return hasRows && HAS_TOAST.test(definition()) ? 3 : 1;
}

const NO_ROLES = { grantees: [], members: [] } as const;

function rolesIn(kind: string, definition: () => string): Pick<EntryNeeds, 'grantees' | 'members'> {
  switch (kind) {
    case 'ACL':
    case 'DEFAULT ACL':
      return { grantees: granteesIn(definition()), members: [] };
    case 'POLICY':
      return { grantees: [], members: policyRoles(definition()) };
    case 'USER MAPPING': {
      const [, role] = /^CREATE USER MAPPING FOR ("(?:[^"]|"")*"|\w+) /.exec(definition()) ?? [];
      return { grantees: [], members: namedRoles([role ?? 'PUBLIC']) };
    }
    default:
      return NO_ROLES;
  }
}

/** The words of a statement. pg_dump writes key words in upper case, and quotes names like them. */
const WORDS = /"(?:[^"]|"")*"|'(?:[^']|'')*'|\w+|[^\s]/g;
const BEFORE_ROLE = new Set(['TO', 'FROM', 'ROLE', 'AUTHORIZATION']);

function granteesIn(text: string): string[] {
  const words: readonly string[] = text.match(WORDS) ?? [];
  const names = words.flatMap((word, at) => {
    if (!BEFORE_ROLE.has(word)) return [];
    const next = words[at + 1] === 'GROUP' ? words[at + 2] : words[at + 1];
    return next === undefined ? [] : [next];
  });
  return namedRoles(names);
}

/** `CREATE POLICY p ON t FOR SELECT TO one, two USING (…)`. */
function policyRoles(text: string): string[] {
  const words: readonly string[] = text.match(WORDS) ?? [];
  const start = words.indexOf('TO');
  const end = words.findIndex((word) => word === 'USING' || word === 'WITH' || word === ';');
  if (start === -1 || (end !== -1 && end < start)) return [];
  return namedRoles(words.slice(start + 1, end === -1 ? undefined : end));
}

/**
 * Words of the language are in upper case: PUBLIC, CURRENT_USER. Of a user mapping pg_dump writes
 * `public`; no role can have this name.
 */
function namedRoles(words: readonly string[]): string[] {
  const names = words.filter((word) => /^["a-z_]/.test(word)).map(unquoted);
  return [...new Set(names)].filter((name) => name !== 'public');
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
