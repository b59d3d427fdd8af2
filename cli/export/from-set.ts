import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import { identityPlace } from '../../backup-set/messages/identity-place.ts';
import { partRows } from '../../segment-shipper/read/relation/part-rows.ts';
import type { SetTable } from '../read-set/find-table.ts';
import type { OpenSet } from '../read-set/open-set.ts';
import { relationParts, type SetPart } from '../read-set/relation-parts.ts';
import { writtenName } from '../read-set/table-name.ts';
import type { Column, Piece, RowSource } from './source.ts';

export interface FromSetOptions {
  /** Only these; absent = all that the relations have. */
  readonly columns?: readonly string[];
  /** Only this content of a set of shards. */
  readonly content?: number;
  /** Rows leave in the encoding of their content: all must have one. */
  readonly isAsStored?: boolean;
  readonly signal: AbortSignal;
}

/**
 * The rows of a table in a set.
 * @throws StowageError `export/impossible` for unknown or differing columns, for rows in COPY
 * BINARY, and for a content that the set has not.
 */
export async function fromSet(
  set: OpenSet,
  table: SetTable,
  options: FromSetOptions,
): Promise<RowSource> {
  const { manifest, store, keys } = set;
  const { content, signal } = options;
  requireContent(set, content);
  const contents = content === undefined ? undefined : [content];
  // Read before the first row leaves, so that nothing is refused half way.
  const parts = await Array.fromAsync(relationParts(set, table.relations, contents));
  requireText(parts, manifest);
  if (options.isAsStored === true) requireOneEncoding(parts, manifest.timestamp);
  const columns = columnsOf(table, options.columns);
  const total = (field: 'rows' | 'bytes') => parts.reduce((sum, part) => sum + part[field], 0);
  return {
    what: `${writtenName(table)} of set ${manifest.timestamp}`,
    columns,
    from: { database: manifest.database, set: manifest.timestamp, table: writtenName(table) },
    rows: () => total('rows'),
    bytes: total('bytes'),
    mayLack: table.mayLack.map(writtenName),
    async *pieces(): AsyncGenerator<Piece> {
      for (const part of parts)
        if (part.extents.length > 0 || part.rows > 0)
          yield {
            columns: part.columns,
            encoding: part.encoding,
            rows: partRows(store, part, { signal, keys }),
          };
    },
  };
}

function requireContent({ manifest }: OpenSet, content: number | undefined): void {
  if (content === undefined || manifest.contents.some((each) => each.content === content)) return;
  const numbers = manifest.contents.map((each) => each.content).join(', ');
  throw new StowageError(
    'export/impossible',
    `set ${manifest.timestamp} has no content ${content}: it has ${numbers}`,
    { where: { set: manifest.timestamp, field: 'content' } },
  );
}

/** The columns that are exported. The relations of a table may have them in another order. */
function columnsOf(
  { relations, ...name }: SetTable,
  wanted: readonly string[] | undefined,
): readonly Column[] {
  const [first, ...others] = relations;
  const names = wanted ?? first?.columns ?? [];
  const relation = writtenName(name);
  for (const each of relations) {
    const lacking = names.filter((column) => !each.columns.includes(column));
    const more = wanted === undefined ? each.columns.filter((one) => !names.includes(one)) : [];
    const [column] = [...lacking, ...more];
    if (column === undefined) continue;
    const where = { relation, field: 'columns' };
    const message =
      wanted !== undefined && others.length === 0
        ? `${relation} has no column ${JSON.stringify(column)}: it has ${each.columns.join(', ')}`
        : `the rows of ${relation} do not all have column ${JSON.stringify(column)} (${plural(relations.length, 'relation')} of the set have its rows): choose columns that all have with --columns`;
    throw new StowageError('export/impossible', message, { where });
  }
  return names.map((column) => {
    const types = new Set(
      relations.map(({ columns, types: all }) => all?.[columns.indexOf(column)]),
    );
    const [type] = types.size === 1 ? types : [];
    return { name: column, ...(type !== undefined && { type }) };
  });
}

/** The encodings of shards can differ: no program could read a file with both. */
export function requireOneEncoding(
  parts: readonly Pick<SetPart, 'content' | 'encoding' | 'rows'>[],
  timestamp: string,
): void {
  const [first, ...others] = parts.filter(({ rows }) => rows > 0);
  const other = others.find(({ encoding }) => encoding !== first?.encoding);
  if (first === undefined || other === undefined) return;
  throw new StowageError(
    'export/impossible',
    `set ${timestamp}: the rows of content ${first.content} are in ${first.encoding}, and those of content ${other.content} in ${other.encoding}: use export with --encoding UTF8, or choose one with --content`,
    { where: { set: timestamp, field: 'encoding' } },
  );
}

function requireText(
  parts: readonly SetPart[],
  { timestamp, encryption }: Pick<Manifest, 'timestamp' | 'encryption'>,
): void {
  const binary = parts.find(({ rowFormat }) => rowFormat !== undefined);
  if (binary === undefined) return;
  const { schema, name, content } = binary;
  const relation = writtenName({ schema, name });
  throw new StowageError(
    'export/impossible',
    `set ${timestamp}, content ${content}: rows of ${relation} are too long for COPY text, and are stored in COPY BINARY, which only a server can read: restore the table (stowage restore ${timestamp} --create --redirect-db NAME --include-table ${relation}${identityPlace(encryption !== undefined)}) and export some of its columns from there`,
    { where: { set: timestamp, content, relation } },
  );
}
