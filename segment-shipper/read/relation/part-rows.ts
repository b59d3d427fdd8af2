import { StowageError } from '../../../backup-set/base/errors.ts';
import { count } from '../../../backup-set/base/words.ts';
import type { SourceExtent } from '../../../backup-set/documents/restore/restore.ts';
import { countRows } from '../../../frame/rows/count.ts';
import type { SetKeys } from '../../../frame/seal/set-keys.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { opensFor } from '../opens.ts';
import { rowsOf } from '../rows-of.ts';

/** The rows of one relation in one content of a set, as the manifest describes them. */
export interface RelationPart {
  readonly timestamp: string;
  readonly content: number;
  /** Of the rows. */
  readonly encoding: string;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: number;
  /** Decompressed. */
  readonly bytes: number;
  /** `binary`: COPY BINARY without header and trailer, for rows too long for COPY text. */
  readonly rowFormat?: 'binary';
  /** In the order of the set, also in packs of older sets. */
  readonly extents: readonly SourceExtent[];
}

/**
 * The rows of a part: COPY text in its encoding (see `rowFormat`), whole frames, each verified
 * before a byte of it leaves. A few frames are read ahead. A chunk may end anywhere, and its memory
 * is used again when the next one is requested.
 * @throws StowageError `set/damaged` naming object and offset, or that the number of rows is not
 * that of the manifest; `storage/…` for a pack that cannot be read; `interrupted`.
 */
export async function* partRows(
  store: ObjectStore,
  part: RelationPart,
  { signal, keys }: { readonly signal: AbortSignal; readonly keys?: SetKeys | undefined },
): AsyncGenerator<Uint8Array> {
  const counted = countRows(part.rowFormat);
  for await (const chunk of rowsOf(store, part.extents, { signal, ...opensFor(keys, part) })) {
    counted.feed(chunk);
    yield chunk;
  }
  const found = counted.count();
  if (found !== part.rows) throw wrongCount(part, found);
}

function wrongCount(part: RelationPart, found: number | undefined): StowageError {
  const { timestamp, content, schema, name, rows } = part;
  const relation = `${schema}.${name}`;
  const what = found === undefined ? 'end inside a row' : `are ${count(found)}`;
  return new StowageError(
    'set/damaged',
    `set ${timestamp}, content ${content}: the rows of ${relation} ${what}; the manifest says ${count(rows)}`,
    { where: { set: timestamp, content, relation } },
  );
}
