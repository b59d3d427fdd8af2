import type { ScriptObject } from '../../archive/script-objects.ts';
import { unquoted } from '../../script/copy-statement.ts';
import type { MetadataEntry } from '../documents.ts';
import { withoutArgumentNames } from './signature.ts';

type Named = Pick<MetadataEntry, 'objecttype' | 'schema' | 'name' | 'referenceobject'>;

/** An object whose statements are being collected. */
export interface Begun {
  readonly entry: Named;
  readonly object: ScriptObject & { readonly statements: string[]; owned?: unknown };
}

/** Kinds that pg_dump names otherwise. */
const KINDS: Readonly<Record<string, string>> = {
  LANGUAGE: 'PROCEDURAL LANGUAGE',
  'FOREIGN SERVER': 'SERVER',
  'SEQUENCE OWNER': 'SEQUENCE OWNED BY',
  'DEFAULT PRIVILEGES': 'DEFAULT ACL',
};
const WITHOUT_SCHEMA = ['SCHEMA', 'CAST'];
/** gpbackup makes such a table to exchange it with a partition, and drops it then. */
const EXCHANGED = /_ext_part_$/;

/** The kind of the archive entry of an object. */
function kindOf({ objecttype, name }: Named, statement: string): string {
  const type = objecttype.replace(/ METADATA$/, '');
  switch (type) {
    case 'TABLE':
      if (!/^CREATE (?:READABLE |WRITABLE )?EXTERNAL /.test(statement)) return type;
      return EXCHANGED.test(unquoted(name)) ? 'EXCHANGED PARTITION' : 'EXTERNAL TABLE';
    case 'TYPE':
      return /^CREATE TYPE [^;(]+;$/.test(statement) && !/ AS /.test(statement)
        ? 'SHELL TYPE'
        : type;
    case 'FUNCTION':
      return statement.startsWith('CREATE PROCEDURE ') ? 'PROCEDURE' : type;
    case 'CONSTRAINT':
      if (/ FOREIGN KEY /.test(statement)) return 'FK CONSTRAINT';
      return / CHECK \(/.test(statement) ? 'CHECK CONSTRAINT' : type;
    default:
      return KINDS[type] ?? type;
  }
}

/** Whether an entry says more about the object of the entry before it. */
export function continues(before: Named, entry: Named, statement: string): boolean {
  const typeOf = ({ objecttype }: Named) => objecttype.replace(/ METADATA$/, '');
  const isSame =
    typeOf(before) === typeOf(entry) &&
    before.schema === entry.schema &&
    before.name === entry.name;
  if (!isSame || entry.name === '') return false;
  if (entry.objecttype.endsWith(' METADATA')) return true;
  return entry.objecttype === 'CONSTRAINT' ? false : !statement.startsWith('CREATE ');
}

/** An object whose first statement is this. */
export function begun(entry: Named, statement: string, section: 'pre-data' | 'post-data'): Begun {
  const kind = kindOf(entry, statement);
  return {
    entry,
    object: {
      tag: tagOf(entry, kind, statement),
      kind,
      schema: WITHOUT_SCHEMA.includes(entry.objecttype) ? '' : unquoted(entry.schema),
      owner: '',
      tablespace: '',
      oids: false,
      section,
      statements: [],
      owned: undefined,
    },
  };
}

function tagOf({ name, referenceobject }: Named, kind: string, statement: string): string {
  switch (kind) {
    case 'FUNCTION':
    case 'PROCEDURE':
    case 'AGGREGATE':
      return withoutArgumentNames(name);
    case 'CAST':
      return `CAST ${name.replaceAll('pg_catalog.', '')}`;
    case 'DEFAULT ACL':
      return `DEFAULT PRIVILEGES FOR ${/ ON ([A-Z]+S) (?:TO|FROM) /.exec(statement)?.[1] ?? ''}`;
    case 'TRIGGER':
    case 'RULE':
      return `${lastOf(referenceobject)} ${unquoted(name)}`;
    default:
      return unquoted(name);
  }
}

/** `app."Tab le"` → Tab le. */
function lastOf(qualified: string): string {
  const last = /(?:"(?:[^"]|"")*"|[^".]+)$/.exec(qualified)?.[0] ?? qualified;
  return unquoted(last);
}

const OWNER = /^ALTER (.+) OWNER TO ((?:"(?:[^"]|"")+"|[^ ";]+));$/s;
const COMMENT =
  /^COMMENT ON ([A-Z][A-Z ]*?) (?:"(?:[^"]|"")*"|[^ "])(?:"(?:[^"]|"")*"|[^'"])* IS /s;
const COLUMN = /^COMMENT ON COLUMN (.*?) IS '/s;
const RIGHTS = /^(?:GRANT|REVOKE) /;
const COLUMN_RIGHTS = /^(?:GRANT|REVOKE) [A-Z, ]*\((.*?)\) ON TABLE /s;

/**
 * Adds a statement to its object. Comments and rights are entries of their own, as pg_dump makes
 * them, so that a restore can leave them out.
 */
export function remarkOf({ entry, object }: Begun, statement: string): ScriptObject | undefined {
  const remark = (kind: string, tag: string): ScriptObject => ({
    ...object,
    tag,
    kind,
    section: 'none',
    owner: '',
    owned: undefined,
    statements: [statement],
  });
  if (COMMENT.test(statement)) return remark('COMMENT', commentTag(entry, object, statement));
  if (/^SECURITY LABEL /.test(statement))
    return remark('SECURITY LABEL', `${object.kind} ${entry.name}`);
  if (object.kind !== 'DEFAULT ACL' && RIGHTS.test(statement)) {
    const column = COLUMN_RIGHTS.exec(statement)?.[1];
    const word = RIGHTS_WORDS[object.kind] ?? object.kind;
    return column === undefined
      ? remark('ACL', `${word} ${entry.name}`)
      : remark('ACL', `COLUMN ${entry.name}.${column}`);
  }
  const [, owned, owner] = OWNER.exec(statement) ?? [];
  const isHandler = object.kind === 'PROCEDURAL LANGUAGE' && owned?.startsWith('FUNCTION ');
  if (isHandler || (object.kind === 'PROCEDURAL LANGUAGE' && /^ALTER FUNCTION /.test(statement)))
    return undefined;
  if (owned === undefined || owner === undefined) {
    // A restore sets the search_path of each entry itself.
    object.statements.push(statement.replace(/^SET search_path=[^;]*;\n?/gm, ''));
    return undefined;
  }
  Object.assign(object, { owned, owner: unquoted(owner) });
  return undefined;
}

const RIGHTS_WORDS: Readonly<Record<string, string>> = {
  VIEW: 'TABLE',
  'MATERIALIZED VIEW': 'TABLE',
  'EXTERNAL TABLE': 'TABLE',
  'FOREIGN TABLE': 'TABLE',
  'PROCEDURAL LANGUAGE': 'LANGUAGE',
  SERVER: 'FOREIGN SERVER',
  AGGREGATE: 'FUNCTION',
};

const COMMENT_WORDS: Readonly<Record<string, string>> = {
  'PROCEDURAL LANGUAGE': 'LANGUAGE',
  'FK CONSTRAINT': 'CONSTRAINT',
  'CHECK CONSTRAINT': 'CONSTRAINT',
  'EXTERNAL TABLE': 'TABLE',
};

function commentTag(entry: Named, object: ScriptObject, statement: string): string {
  const column = COLUMN.exec(statement)?.[1];
  const within = `${entry.schema}.`;
  if (column !== undefined)
    return `COLUMN ${column.startsWith(within) ? column.slice(within.length) : column}`;
  const word = COMMENT_WORDS[object.kind] ?? object.kind;
  const { name, referenceobject } = entry;
  // The METADATA entries of these name themselves, the first entry names their table.
  const isOnTable = ['CONSTRAINT', 'TRIGGER', 'RULE', 'POLICY'].includes(word);
  return isOnTable ? `${word} ${name} ON ${quotedLast(referenceobject)}` : `${word} ${name}`;
}

const quotedLast = (qualified: string) =>
  /(?:"(?:[^"]|"")*"|[^".]+)$/.exec(qualified)?.[0] ?? qualified;
