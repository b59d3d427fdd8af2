import type { ScriptObject } from '../../archive/script-objects.ts';
import { unquoted } from '../../script/copy-statement.ts';

const OWNER = /^ALTER DATABASE (?:"(?:[^"]|"")+"|[^" ;]+) OWNER TO ("(?:[^"]|"")+"|[^" ;]+);$/;

/** A setting or a right of the database: pg_restore of Greenplum 6 would run it by its old name. */
const isProperty = (text: string) =>
  /^(?:GRANT|REVOKE|ALTER DATABASE) /.test(text) && !OWNER.test(text);

/** What a set cannot have of the properties of its database, without values. */
export function lostProperties(statements: readonly string[]): string[] {
  return statements.filter(isProperty).map((text) => text.split(/ TO | =|\n/)[0] ?? text);
}

/** The database itself: its owner and comment, as pg_dump 9.4 has them. */
export function databaseObjects(name: string, statements: readonly string[]): ScriptObject[] {
  const written = Buffer.from(unquoted(name)).toString('latin1');
  const made = statements.find((text) => text.startsWith('CREATE DATABASE '));
  if (made === undefined) return [];
  const owner = statements.map((text) => OWNER.exec(text)?.[1]).find((one) => one !== undefined);
  const of = (kind: string, tag: string, text: string): ScriptObject => ({
    tag,
    kind,
    schema: '',
    owner: '',
    tablespace: '',
    oids: false,
    section: kind === 'COMMENT' ? 'none' : 'pre-data',
    statements: [text],
    owned: undefined,
  });
  const rest = statements.filter((text) => text.startsWith('COMMENT '));
  return [
    { ...of('DATABASE', written, made), owner: owner === undefined ? '' : unquoted(owner) },
    ...rest.map((text) => of('COMMENT', `DATABASE ${written}`, text)),
  ];
}
