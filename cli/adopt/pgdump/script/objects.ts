import { lastName } from '../../../../database/objects/full-tag.ts';
import {
  type Heading,
  OWNER,
  type ScriptObject,
  unexpected,
} from '../../archive/script-objects.ts';
import { unquoted } from '../../script/copy-statement.ts';

/** An object of a script while it is read. */
export interface ReadObject extends ScriptObject {
  readonly statements: string[];
  owned: string | undefined;
  owner: string;
}

/** What pg_dump writes behind the rows, besides remarks. */
const POST_DATA = [
  'CHECK CONSTRAINT',
  'CONSTRAINT',
  'EVENT TRIGGER',
  'FK CONSTRAINT',
  'INDEX',
  'INDEX ATTACH',
  'POLICY',
  'PUBLICATION',
  'PUBLICATION TABLE',
  'PUBLICATION TABLES IN SCHEMA',
  'ROW SECURITY',
  'RULE',
  'STATISTICS',
  'SUBSCRIPTION',
  'SUBSCRIPTION TABLE',
  'TRIGGER',
];
/** Their section is that of the entry before them, as in an archive of pg_dump. */
const REMARKS = ['ACL', 'COMMENT', 'SECURITY LABEL', 'DEFAULT ACL'];
const PART = '(?:[a-z_\\x80-\\xff][\\w$\\x80-\\xff]*|"(?:[^"]|"")+")';
const RULE = new RegExp(`^CREATE RULE .*? TO (${PART}(?:\\.${PART})?)[ ;]`, 's');
const LARGE_OBJECT = /^ALTER LARGE OBJECT (\d+) OWNER TO (.+);$/s;

export function beginObject({ tag, kind, schema, tablespace }: Heading, oids: boolean): ReadObject {
  const remark = REMARKS.includes(kind);
  return {
    tag,
    kind,
    schema,
    owner: '',
    tablespace,
    oids: kind === 'TABLE' && oids,
    section: remark ? 'none' : POST_DATA.includes(kind) ? 'post-data' : 'pre-data',
    statements: [],
    owned: undefined,
  };
}

/** @param accessMethod of tables: not that of the server. */
export function addStatement(
  object: ReadObject | undefined,
  text: string,
  accessMethod: string,
): void {
  if (object === undefined) throw unexpected(text);
  const [, owned, owner] = OWNER.exec(text) ?? [];
  if (owned !== undefined && owner !== undefined) {
    // Handlers of a language are in pg_catalog, and the target has its own.
    if (object.kind === 'PROCEDURAL LANGUAGE' && owned.startsWith('FUNCTION ')) return;
    object.owned = owned;
    object.owner = unquoted(owner);
    return;
  }
  const isTable = object.kind === 'TABLE' || object.kind === 'MATERIALIZED VIEW';
  if (isTable && accessMethod !== '' && object.statements.length === 0)
    object.statements.push(
      `SET default_table_access_method = ${accessMethod};`,
      text,
      'RESET default_table_access_method;',
    );
  else object.statements.push(text);
}

/** The owner of a large object, when its statement names one. */
export function ownedLargeObject(text: string) {
  const [, oid, owner] = LARGE_OBJECT.exec(text) ?? [];
  return oid === undefined || owner === undefined ? undefined : { oid, owner: unquoted(owner) };
}

/** Newer archives tag a rule with its table. */
export function withTable(object: ReadObject): ReadObject {
  const table = object.kind === 'RULE' ? RULE.exec(object.statements[0] ?? '')?.[1] : undefined;
  const name = table === undefined ? undefined : lastName(table);
  if (name === undefined || object.tag.startsWith(`${name} `)) return object;
  return { ...object, tag: `${name} ${object.tag}` };
}
