import type { ScriptObject } from '../../archive/script-objects.ts';
import { unquoted } from '../../script/copy-statement.ts';

const OWNER = /^ALTER DATABASE (?:"(?:[^"]|"")+"|[^" ;]+) OWNER TO ("(?:[^"]|"")+"|[^" ;]+);$/;

/** The database itself: its owner, settings, rights and comment, as pg_dump has them. */
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
    section: kind === 'ACL' || kind === 'COMMENT' ? 'none' : 'pre-data',
    statements: [text],
    owned: undefined,
  });
  const rest = statements.filter((text) => text !== made && !OWNER.test(text));
  return [
    { ...of('DATABASE', written, made), owner: owner === undefined ? '' : unquoted(owner) },
    ...rest.map((text) => {
      if (text.startsWith('COMMENT ')) return of('COMMENT', `DATABASE ${written}`, text);
      if (/^(?:GRANT|REVOKE) /.test(text)) return of('ACL', `DATABASE ${written}`, text);
      return of('DATABASE PROPERTIES', written, text);
    }),
  ];
}
