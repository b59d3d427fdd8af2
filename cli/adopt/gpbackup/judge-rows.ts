import { crc32 } from 'node:zlib';
import { mapInFlight } from '../../../async/each-in-flight.ts';
import { plural } from '../../../backup-set/base/words.ts';
import { newlinesIn } from '../script/frame.ts';
import { UnsoundScript } from '../script/unsound.ts';
import type { SetProblem } from '../set-problem.ts';
import { baseName, dataName, parseName } from './names.ts';
import type { Link } from './read-links.ts';
import { compressionOf, rowsOfContent, type SetTable, type TableRows } from './rows/read-rows.ts';

/** A table, and what the table of contents says of its rows. */
export interface TakenRows extends SetTable {
  readonly rowsCopied: number;
  readonly isReplicated: boolean;
  readonly distByEnum: boolean;
  readonly partitionRoot: string | undefined;
}

export interface Counted {
  readonly rows: number;
  readonly bytes: number;
  readonly crc: number;
}

/** Each reads, decompresses and counts with about one core. */
const CONTENTS_AT_ONCE = 4;

/**
 * Reads every row that the set has, and compares what is there with the tables of contents.
 * @returns what each content has, for the tables that are sound there.
 */
export async function judgeRows(
  tables: readonly TakenRows[],
  segments: number,
  problems: SetProblem[],
  signal: AbortSignal,
): Promise<readonly ReadonlyMap<SetTable, Counted>[]> {
  const contents = Array.from({ length: segments }, (_, content) => content);
  const found = await mapInFlight(contents, CONTENTS_AT_ONCE, (content) =>
    countContent(content, tables, problems, signal),
  );
  for (const table of tables) compareCounts(table, found, problems);
  return found;
}

async function countContent(
  content: number,
  tables: readonly TakenRows[],
  problems: SetProblem[],
  signal: AbortSignal,
): Promise<Map<SetTable, Counted>> {
  const counted = new Map<SetTable, Counted>();
  const add = (file: string, lost: readonly SetTable[], error: UnsoundScript) => {
    const named = lost.slice(0, 3).map(({ schema, name }) => `${schema}.${name}`);
    const more = lost.length > named.length ? `, and ${lost.length - named.length} more` : '';
    const of = lost.length === 0 ? '' : ` (rows of ${named.join(', ')}${more})`;
    problems.push({ file, content, message: `${error.message}${of}` });
  };
  for await (const read of rowsOfContent(content, tables, add, signal)) {
    const sums = await countRows(read);
    if (sums !== undefined) counted.set(read.table, sums);
  }
  return counted;
}

/** Undefined: they are not sound. The reader of the files says why. */
async function countRows({ rows: chunks }: TableRows): Promise<Counted | undefined> {
  let [rows, bytes, crc] = [0, 0, 0];
  try {
    for await (const chunk of chunks) {
      rows += newlinesIn(chunk);
      bytes += chunk.byteLength;
      crc = crc32(chunk, crc);
    }
  } catch (error) {
    if (error instanceof UnsoundScript) return undefined;
    throw error;
  }
  return { rows, bytes, crc };
}

/** gpbackup has counted the rows of a table on all segments together. */
function compareCounts(
  table: TakenRows,
  contents: readonly Map<SetTable, Counted>[],
  problems: SetProblem[],
): void {
  const found = contents.flatMap((counted) => counted.get(table) ?? []);
  // What is missing has its own problem.
  if (found.length < contents.length) return;
  const counts = found.map(({ rows }) => rows);
  const { schema, name, link, rowsCopied, isReplicated } = table;
  const file = `gpbackup_${link.timestamp}_toc.yaml`;
  const rows = counts.reduce((sum, count) => sum + count, 0);
  // Copies can have their rows in another order, so their CRCs differ.
  const sizes = found.map(({ bytes }) => bytes);
  const isUneven = (values: readonly number[]) =>
    isReplicated && values.some((value) => value !== values[0]);
  const message =
    rows !== rowsCopied
      ? `gpbackup has copied ${plural(rowsCopied, 'row')} of ${schema}.${name}, and the files have ${rows}`
      : isUneven(counts)
        ? `the copies of the replicated table ${schema}.${name} have different numbers of rows: ${counts.join(', ')}`
        : isUneven(sizes)
          ? `the copies of the replicated table ${schema}.${name} have different sizes: ${sizes.join(', ')} bytes of rows`
          : undefined;
  if (message === undefined) return;
  problems.push({ file, message });
  for (const counted of contents) counted.delete(table);
}

/** Files of the set that its table of contents does not name. */
export function unnamedFiles(link: Link, segments: number): SetProblem[] {
  const { config, toc, timestamp, files } = link;
  const compression = compressionOf(link);
  const oids = config.singledatafile ? [undefined] : toc.dataentries.map(({ oid }) => oid);
  const named = new Set<string>();
  for (let content = 0; content < segments; content++)
    for (const oid of oids) named.add(dataName(content, timestamp, oid, compression));
  return [...files.values()].map(baseName).flatMap((file): SetProblem[] => {
    const found = parseName(file);
    if (found?.kind !== 'data' || named.has(file)) return [];
    return [{ file, message: 'the table of contents of the set does not name this file' }];
  });
}
