import type { weighed } from '../../../../async/each-in-flight.ts';
import { decode, HEAD_BYTES_MAX, sha256 } from '../../../../backup-set/base/document.ts';
import { StowageError } from '../../../../backup-set/base/errors.ts';
import { formatKey } from '../../../../backup-set/base/keys.ts';
import { Manifest } from '../../../../backup-set/documents/manifest.ts';
import type { Deps } from '../../../deps.ts';
import type { OneSet, SegmentColumns, TableColumns } from '../api.ts';
import { createMatrix, type Matrix, type PinnedParts } from '../cells/matrix.ts';

/** Names and totals of so many tables take 2 MB as JSON. */
export const TABLES_MAX = 20_000;

/** A set that a page looks at. */
export interface OpenSet {
  readonly answer: OneSet;
  readonly parts: PinnedParts;
  /** Of table i of `answer`: its number in the manifest. */
  readonly ids: readonly number[];
  readonly matrix: Matrix;
}

/**
 * Reads the manifest of a set, and keeps columns of it.
 * @throws StowageError `set/not-found`, `set/unreadable`
 */
export async function openSet(
  deps: Deps,
  timestamp: string,
  heavy: ReturnType<typeof weighed>,
): Promise<OpenSet> {
  const key = formatKey({ kind: 'manifest', timestamp });
  if ((await deps.store.head(key, { signal: deps.signal })) === undefined)
    throw new StowageError(
      'set/not-found',
      `set ${timestamp} has no manifest under ${deps.store.url}: it is not complete, or was removed`,
      { where: { set: timestamp } },
    );
  return heavy(1, async () => {
    const bytes = await deps.store.read(key, { signal: deps.signal, bytesMax: HEAD_BYTES_MAX });
    return columnsOf(deps, decode(Manifest, { key, bytes }), sha256(bytes), heavy);
  });
}

function columnsOf(
  deps: Deps,
  { timestamp, relations, contents, database, flavour }: Manifest,
  manifestSha256: string,
  heavy: ReturnType<typeof weighed>,
): OpenSet {
  const shown = relations
    .toSorted((a, b) => b.totals.bytes - a.totals.bytes || a.id - b.id)
    .slice(0, TABLES_MAX);
  const parts = { timestamp, contents };
  return {
    answer: {
      timestamp,
      manifestSha256,
      database,
      flavour,
      tables: tableColumns(shown),
      tablesLeftOut: relations.length - shown.length,
      segments: segmentColumns(contents),
    },
    parts,
    ids: shown.map(({ id }) => id),
    matrix: createMatrix(deps, parts, relations.length, heavy),
  };
}

function tableColumns(relations: Manifest['relations']): TableColumns {
  const schemas = new Map<string, number>();
  const schema = relations.map(({ schema: name }) => {
    const known = schemas.get(name) ?? schemas.size;
    schemas.set(name, known);
    return known;
  });
  return {
    schemas: [...schemas.keys()],
    schema,
    name: relations.map(({ name }) => name),
    rows: relations.map(({ totals }) => totals.rows),
    bytes: relations.map(({ totals }) => totals.bytes),
    storedBytes: relations.map(({ totals }) => totals.storedBytes),
    contents: relations.map(({ totals }) => totals.contents),
  };
}

function segmentColumns(contents: Manifest['contents']): SegmentColumns {
  return {
    content: contents.map(({ content }) => content),
    host: contents.map(({ host, port }) => `${host}:${port}`),
    rows: contents.map(({ totals }) => totals.rows),
    bytes: contents.map(({ totals }) => totals.bytes),
    storedBytes: contents.map(({ totals }) => totals.storedBytes),
    newBytes: contents.map(({ totals }) => totals.newBytes ?? totals.storedBytes),
  };
}
