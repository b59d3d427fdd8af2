import { refuseAsciiBytes } from './ascii-bytes.ts';
import {
  copyLine,
  GENERATED,
  type InsertedValue,
  type InsertStatement,
  parseInsert,
} from './insert-statement.ts';
import type { ScriptPart } from './read-script.ts';
import type { Strings } from './statement-end.ts';
import { UnsoundScript } from './unsound.ts';

/** The rows of one table from INSERT statements that follow each other. */
export interface InsertedRows {
  readonly schema: string | undefined;
  readonly table: string;
  /** Undefined: the statements name no columns. Generated columns are not among them. */
  readonly columns: readonly string[] | undefined;
  /** In an INSERT without names: which of the table's columns have values. */
  readonly present: readonly boolean[];
  /** In COPY text. The reader must read them to their end. */
  readonly rows: AsyncGenerator<Buffer>;
  /** What follows the last of the rows. @throws what has ended the reading of the rows. */
  after(): IteratorResult<ScriptPart>;
}

/** A few hundred rows are handed over together. */
const BATCH_CHARS = 256 * 1024;

export const isInsert = (part: ScriptPart) =>
  part.kind === 'statement' && part.text.startsWith('INSERT INTO ');

/**
 * @param first the first INSERT of a table.
 * @param parts what follows it.
 * @param encoding of the text.
 */
export function insertedRows(
  first: string,
  parts: AsyncIterator<ScriptPart>,
  strings: () => Strings,
  encoding: string,
): InsertedRows {
  refuseAsciiBytes(encoding);
  const head = parseInsert(first, strings());
  const present = (head.rows[0] ?? []).map((value) => value !== GENERATED);
  let next: IteratorResult<ScriptPart> | undefined;
  let failure: unknown = new Error(`the rows of ${head.table} were not read to their end`);
  const columns = head.columns?.filter((_, at) => present[at] === true);
  const shape = shapeOf(head);

  async function* rows(): AsyncGenerator<Buffer> {
    try {
      yield* batches();
    } catch (error) {
      failure = error;
      throw error;
    }
  }

  async function* batches(): AsyncGenerator<Buffer> {
    let batch = '';
    for (let statement = head; ; ) {
      for (const row of statement.rows) batch += copyLine(valuesOf(row, present, head.table));
      if (batch.length >= BATCH_CHARS) {
        yield Buffer.from(batch, 'latin1');
        batch = '';
      }
      const following = await parts.next();
      const isOne = following.done !== true && isInsert(following.value);
      if (isOne) statement = parseInsert(following.value.text, strings());
      if (isOne && shapeOf(statement) === shape) continue;
      if (batch !== '') yield Buffer.from(batch, 'latin1');
      next = following;
      return;
    }
  }
  const after = () => {
    if (next === undefined) throw failure;
    return next;
  };
  return { schema: head.schema, table: head.table, columns, present, rows: rows(), after };
}

const shapeOf = ({ schema, table, columns }: InsertStatement) =>
  JSON.stringify([schema, table, columns]);

/** The values of a row without those of generated columns. */
function valuesOf(
  row: readonly InsertedValue[],
  present: readonly boolean[],
  table: string,
): (string | null)[] {
  if (row.length !== present.length)
    throw new UnsoundScript(
      `the INSERT statements of ${table} have ${row.length} and ${present.length} values`,
    );
  return row.flatMap((value, at) => {
    if ((value !== GENERATED) !== present[at])
      throw new UnsoundScript(`DEFAULT is not in the same column of all rows of ${table}`);
    return value === GENERATED ? [] : [value];
  });
}
