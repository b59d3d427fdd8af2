import { headingOf, type ScriptObject } from '../../archive/script-objects.ts';
import type { SourcePart } from '../../convert/source.ts';
import { withoutOids } from '../../gpcrondump/data-sections.ts';
import { parseQualifiedCopy } from '../../script/copy-statement.ts';
import { frameOfScript } from '../../script/frame.ts';
import { insertedRows, isInsert } from '../../script/insert-rows.ts';
import { nameDecoder } from '../../script/name-decoder.ts';
import { UnsoundScript } from '../../script/unsound.ts';
import { columnsOf } from '../column-names.ts';
import type { Cursor } from './cursor.ts';
import { objectsOfScript } from './large-objects.ts';
import { readComment, readStatement, type ScriptState } from './state.ts';

export const TITLES = ['PostgreSQL database dump', 'Greenplum Database database dump'];
const COMPLETE = TITLES.map((title) => `-- ${title} complete`);
const CONNECT = /^\\connect (?:-reuse-previous=on )?(?:"((?:[^"]|"")+)"|(\S+))$/s;

/** The database of `\connect`; undefined: it is another line. */
export function connectedDatabase(text: string): string | undefined {
  const [, quoted, plain] = CONNECT.exec(text) ?? [];
  const name = quoted?.replaceAll('""', '"') ?? plain;
  // A name that psql would take for something else: `"dbname='a b'"`.
  const inside = /^dbname='((?:[^'\\]|\\.)*)'$/s.exec(name ?? '')?.[1];
  return inside?.replace(/\\(.)/gs, '$1') ?? name;
}

/**
 * The rows and large objects of one database in a script, from its first line to its last. What it
 * says besides is added to the state.
 * @param isBegun the line before its title was taken.
 * @throws UnsoundScript when it has no end, or holds what pg_dump does not write.
 */
export async function* scriptParts(
  cursor: Cursor,
  state: ScriptState,
  isBegun: boolean,
  known: readonly ScriptObject[] | undefined,
): AsyncGenerator<SourcePart> {
  const frame = frameOfScript(TITLES);
  if (isBegun) frame.add('--');
  let isComplete = false;
  for (let part = cursor.part; part !== undefined; part = cursor.part) {
    const { kind, text } = part;
    if (kind === 'comment') {
      frame.add(text);
      readComment(state, text, headingOf(text));
      await cursor.advance();
      if (isComplete) break;
      isComplete = COMPLETE.includes(text);
    } else if (kind === 'copy' || isInsert(part)) {
      frame.add(undefined);
      yield* tableAt(cursor, state);
    } else if (/^(?:BEGIN;|SELECT pg_catalog\.lo_open\()/.test(text)) {
      frame.add(undefined);
      if (state.hasLargeObjects)
        throw new UnsoundScript('its large objects are not next to each other');
      state.hasLargeObjects = true;
      const { database = '', ...facts } = state;
      const chunks = objectsOfScript(cursor, known ?? state.largeObjects, { database, ...facts });
      yield { file: 'large-objects.dump', chunks };
      // The reader of the objects has taken the line before the one at which it stopped.
      frame.add('--');
    } else {
      // `\restrict`, which is for psql alone, can be the first line.
      if (text.startsWith('\\')) state.database = connectedDatabase(text) ?? state.database;
      else {
        frame.add(undefined);
        readStatement(state, text);
      }
      await cursor.advance();
    }
  }
  frame.end();
}

async function* tableAt(cursor: Cursor, state: ScriptState): AsyncGenerator<SourcePart> {
  const { part } = cursor;
  if (part === undefined) return;
  const decode = nameDecoder(state.encoding);
  const schemaOf = (named: string | undefined) => {
    const schema = named ?? (state.isQualified ? '' : state.schema);
    if (schema === '') throw new UnsoundScript(`no schema is known for ${part.text.slice(0, 80)}`);
    return schema;
  };
  if (part.kind === 'copy') {
    const { schema, table, columns, oids } = parseQualifiedCopy(part.text);
    yield {
      schema: decode(schemaOf(schema)),
      name: decode(table),
      columns: columns.map(decode),
      rows: oids ? withoutOids(part.rows, columns.length === 0) : part.rows,
    };
    await cursor.advance();
    return;
  }
  const strings = () => ({ standard: state.standardStrings });
  const found = insertedRows(part.text, cursor.rest, strings, state.encoding);
  const { table, rows, present, after } = found;
  const schema = schemaOf(found.schema);
  const columns = found.columns ?? columnsOf(definedIn(state), { schema, table }, present);
  yield { schema: decode(schema), name: decode(table), columns: columns.map(decode), rows };
  cursor.resume(after());
}

const definedIn = ({ objects }: ScriptState) =>
  objects.map(({ kind, schema, tag, statements }) => ({
    kind,
    schema,
    tag,
    definition: statements.find((statement) => statement.startsWith('CREATE ')),
  }));
