import { StowageError } from '../../backup-set/base/errors.ts';

/** More than any list of 1,600 names has. */
const HEADER_BYTES_MAX = 1024 * 1024;

/** As COPY has them. */
export interface HeaderOptions {
  readonly delimiter: string;
  readonly quote: string;
  /** Before a quote inside of a value: the quote, or another character. */
  readonly escape: string;
}

/**
 * The names in the first line of a csv file. @returns them, and the whole stream again.
 * @throws StowageError `import/refused` when there is no such line.
 */
export async function readHeader(
  source: AsyncIterable<Uint8Array>,
  file: string,
  options: HeaderOptions,
): Promise<{ readonly names: readonly string[]; readonly stream: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  let front = Buffer.alloc(0);
  let line: string | undefined;
  while (line === undefined) {
    const next = await iterator.next();
    if (next.done !== true) front = Buffer.concat([front, next.value]);
    line = firstLine(front.toString('utf8'), options, next.done === true);
    if (next.done === true || front.length > HEADER_BYTES_MAX) break;
  }
  if (line === undefined || line === '')
    throw new StowageError('import/refused', `file ${file} has no header: it has no first line`, {
      where: { field: 'header' },
    });
  const names = namesIn(line, options);
  const whole = async function* () {
    yield front;
    yield* { [Symbol.asyncIterator]: () => iterator };
  };
  return { names, stream: whole() };
}

/** Undefined: its end has not come yet. */
function firstLine(text: string, options: HeaderOptions, isAll: boolean): string | undefined {
  const { quote, escape: escaping } = options;
  let isQuoted = false;
  for (let at = 0; at < text.length; at += 1) {
    if (isQuoted && text[at] === escaping && escaping !== quote) at += 1;
    else if (text[at] === quote) isQuoted = !isQuoted;
    else if (!isQuoted && (text[at] === '\n' || text[at] === '\r')) return text.slice(0, at);
  }
  return isAll ? text : undefined;
}

function namesIn(line: string, { delimiter, quote, escape: escaping }: HeaderOptions): string[] {
  const names: string[] = [];
  let name = '';
  let isQuoted = false;
  // A byte order mark is no part of a name.
  const text = line.replace(/^\uFEFF/, '');
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? '';
    const next = text[at + 1] ?? '';
    if (isQuoted && char === escaping && (next === quote || next === escaping)) {
      name += next;
      at += 1;
    } else if (char === quote) isQuoted = !isQuoted;
    else if (char === delimiter && !isQuoted) {
      names.push(name);
      name = '';
    } else name += char;
  }
  return [...names, name];
}

/**
 * The columns that a file fills, in its order: those of its header, or of `--columns`.
 * @throws StowageError `import/refused` naming the columns that do not agree.
 */
export function columnsToFill(
  table: { readonly name: string; readonly columns: readonly string[] },
  file: string,
  given: readonly string[] | undefined,
  header: readonly string[] | undefined,
): readonly string[] | undefined {
  const refuse = (message: string, field: string) =>
    new StowageError('import/refused', message, { where: { field, relation: table.name } });
  const names = given ?? header;
  const unknown = names?.find((name) => !table.columns.includes(name));
  if (unknown !== undefined)
    throw refuse(
      `${given === undefined ? `the header of ${file}` : '--columns'} names ${JSON.stringify(unknown)}, but ${table.name} has no such column: it has ${table.columns.join(', ')}`,
      given === undefined ? 'header' : 'columns',
    );
  const twice = names?.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined)
    throw refuse(`${file} names column ${JSON.stringify(twice)} twice`, 'header');
  if (given !== undefined && header !== undefined && given.join('\0') !== header.join('\0'))
    throw refuse(
      `the header of ${file} has the columns ${header.join(', ')}, and --columns has ${given.join(', ')}: they must be the same, in the same order`,
      'columns',
    );
  return names;
}
