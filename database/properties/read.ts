import { tokensOf } from '../globals/tokens.ts';
import type { TocEntry } from '../objects/toc.ts';
import { type PropertyStatement, propertyStatements, UnknownProperty } from './statements.ts';

/** What a schema archive says about its database. */
export interface DatabaseProperties {
  /** Its name in the set; undefined: the archive does not have it. */
  readonly name: string | undefined;
  /** Undefined: the archive does not have it, or it cannot be decoded. */
  readonly owner: string | undefined;
  /** Undefined: the default tablespace of the server. */
  readonly tablespace: string | undefined;
  /** In the order of the archive. */
  readonly statements: readonly PropertyStatement[];
  /** Entries that hold something that pg_dump does not write about a database, and why. */
  readonly refused: readonly { readonly entry: string; readonly reason: string }[];
}

const NONE: DatabaseProperties = {
  name: undefined,
  owner: undefined,
  tablespace: undefined,
  statements: [],
  refused: [],
};

/**
 * The properties of the database in a schema archive, as `pg_restore --create` applies them, with
 * statements for the database `target`.
 */
export async function databaseProperties(
  entries: AsyncIterable<TocEntry>,
  target: string,
): Promise<DatabaseProperties> {
  let found = NONE;
  for await (const entry of entries) {
    if (entry.kind === 'DATABASE')
      found = {
        ...found,
        name: entry.name,
        owner: entry.owner === '' ? undefined : entry.owner,
        tablespace: tablespaceOf(entry.definition()),
      };
    else if (isOfDatabase(entry)) found = { ...found, ...added(found, entry, target) };
  }
  return found;
}

/** The tablespace of the database; pg_dump writes its entry before those of its objects. */
export async function databaseTablespace(
  entries: AsyncIterable<TocEntry>,
): Promise<string | undefined> {
  for await (const { kind, definition } of entries)
    if (kind === 'DATABASE') return tablespaceOf(definition());
  return undefined;
}

/** As pg_restore recognizes them. */
function isOfDatabase({ kind, name = '' }: TocEntry): boolean {
  if (kind === 'DATABASE PROPERTIES') return true;
  return (
    (kind === 'ACL' || kind === 'COMMENT' || kind === 'SECURITY LABEL') &&
    name.startsWith('DATABASE ')
  );
}

function added({ statements, refused }: DatabaseProperties, entry: TocEntry, target: string) {
  try {
    const more = propertyStatements(entry.definition(), target);
    return { statements: [...statements, ...more] };
  } catch (error) {
    if (!(error instanceof UnknownProperty)) throw error;
    const name = `${entry.kind} ${entry.name ?? ''}`.trim();
    return { refused: [...refused, { entry: name, reason: error.message }] };
  }
}

/** `CREATE DATABASE shop WITH TEMPLATE = template0 … TABLESPACE = fast;` */
function tablespaceOf(definition: string): string | undefined {
  let before: string | undefined;
  let isNext = false;
  for (const { text, kind } of tokensOf(definition, { standardStrings: true })) {
    if (isNext)
      return kind === 'name' ? text.slice(1, -1).replaceAll('""', '"') : text.toLowerCase();
    isNext = text === '=' && before === 'TABLESPACE';
    before = text.toUpperCase();
  }
  return undefined;
}
