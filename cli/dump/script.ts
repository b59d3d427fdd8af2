import { createReadStream } from 'node:fs';
import { asStowageError } from '../../backup-set/base/errors.ts';
import { TOOL } from '../../backup-set/base/tool.ts';
import { count } from '../../backup-set/base/words.ts';
import type { Manifest, ManifestPart } from '../../backup-set/documents/manifest.ts';
import { fileOf } from '../../backup-set/restore/order-bodies.ts';
import { sequenceStatement } from '../../database/catalog/sequences.ts';
import { columnList } from '../../database/copy/copy-out.ts';
import { globalStatements } from '../../database/globals/statements.ts';
import { quoteLiteral, quoteQualified } from '../../database/session/quote.ts';
import { parseSequenceValues } from '../../database/target/sequence-values.ts';
import { readText } from '../../segment-shipper/read/read-text.ts';
import { partRows } from '../../segment-shipper/read/relation/part-rows.ts';
import type { OpenSet } from '../read-set/open-set.ts';
import { relationParts, type SetPart } from '../read-set/relation-parts.ts';
import type { Definitions } from './definitions.ts';
import type { DumpOptions } from './options.ts';
import type { DumpPlan } from './plan.ts';

export interface Dumped {
  rows: number;
  bytes: number;
  tables: number;
  /** The script is between the rows of a COPY. */
  isInCopy: boolean;
}

export interface DumpWork {
  readonly set: OpenSet;
  readonly plan: DumpPlan;
  readonly options: DumpOptions;
  /** Of the content whose catalog is dumped. */
  readonly catalog: ManifestPart;
  readonly definitions: Definitions;
  /** A file with SQL that makes the large objects. */
  readonly largeObjects: string | undefined;
  readonly signal: AbortSignal;
}

/** Known by every psql and server that this program knows. */
const SETTINGS = `SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET check_function_bodies = false;
SET client_min_messages = warning;
SELECT pg_catalog.set_config('search_path', '', false);
`;

/**
 * The script, piece by piece. All of it is one transaction, which the last statement commits,
 * except with `--no-transaction`. When it fails, it ends with a statement that fails.
 */
export async function* dumpScript(work: DumpWork, dumped: Dumped): AsyncGenerator<Buffer> {
  let last: number | undefined;
  try {
    for await (const piece of pieces(work, dumped)) {
      // The memory of rows is used again.
      const bytes = Buffer.from(piece);
      last = bytes.at(-1) ?? last;
      yield bytes;
    }
  } catch (error) {
    const { code } = asStowageError(error);
    const line = last === NEWLINE ? '' : '\n';
    yield Buffer.from(`${line}${failingEnd(code, dumped.isInCopy, work.options)}`);
    throw error;
  }
}

const NEWLINE = 0x0a;

/** Ends a COPY that is under way, and fails in any database. */
function failingEnd(
  code: string,
  isInCopy: boolean,
  { oneTransaction }: Pick<DumpOptions, 'oneTransaction'>,
): string {
  const text = quoteLiteral(`this script is incomplete: stowage dump failed with ${code}`);
  return `${isInCopy ? '\\.\n' : ''}\n${oneTransaction ? 'ROLLBACK;\n' : ''}SELECT CAST(${text} AS int);\n`;
}

async function* pieces(work: DumpWork, dumped: Dumped): AsyncGenerator<string | Uint8Array> {
  const { set, plan, options, definitions, catalog, largeObjects } = work;
  const { manifest } = set;
  const has = (section: 'schema' | 'data') => options.sections.includes(section);
  const { oneTransaction } = options;
  yield heading(manifest, oneTransaction);
  if (options.globals) yield* globals(work);
  yield `${oneTransaction ? 'BEGIN;\n' : ''}${SETTINGS}\n`;
  if (has('schema')) yield `${definitions.preData.text}\n`;
  if (has('data')) {
    yield* rows(work, dumped);
    yield `SET client_encoding = 'UTF8';\n\n`;
    yield* sequences(work);
    if (largeObjects !== undefined)
      yield* oneTransaction ? withoutTransaction(largeObjects) : createReadStream(largeObjects);
  }
  if (has('schema')) {
    yield `${definitions.postData.text}\n`;
    if (has('data'))
      for (const view of catalog.refresh)
        if (plan.only === undefined || definitions.isMade('MATERIALIZED VIEW', view))
          yield `REFRESH MATERIALIZED VIEW ${quoteQualified(view)};\n`;
  }
  yield `\n${oneTransaction ? 'COMMIT;\n\n' : ''}${footer(manifest, dumped)}\n`;
}

/** The last line of a whole script. */
function footer({ timestamp }: Manifest, { tables, rows: all }: Dumped): string {
  return `-- stowage dump complete: set ${timestamp}, ${count(tables)} tables, ${count(all)} rows`;
}

function heading(
  { timestamp, database, cluster, snapshot }: Manifest,
  oneTransaction: boolean,
): string {
  const safe = (text: string) => text.replaceAll(/[\r\n]/g, ' ');
  return `--
-- Database ${safe(database)} of cluster ${safe(cluster)}, as of ${snapshot.takenAt}
-- Set ${timestamp}, written by ${TOOL} dump
-- ${oneTransaction ? 'One transaction. ' : ''}The last line of a whole script begins with: -- stowage dump complete
--

\\set ON_ERROR_STOP on

`;
}

/** Roles and tablespaces. One that exists already is an error that changes nothing. */
async function* globals({ set, catalog, signal }: DumpWork): AsyncGenerator<string | Uint8Array> {
  const stored = fileOf(catalog, 'globals.sql.zst');
  if (stored === undefined) return;
  const text = await readText(set.store, stored, { signal, keys: set.keys });
  yield `-- Roles and tablespaces: those that exist already are errors, and psql goes on\n\\set ON_ERROR_STOP off\n`;
  for (const { bytes } of globalStatements(text, stored.key)) {
    yield bytes;
    yield ';\n';
  }
  yield `RESET client_encoding;\n\\set ON_ERROR_STOP on\n\n`;
}

async function* rows(
  { set, plan, definitions, signal }: DumpWork,
  dumped: Dumped,
): AsyncGenerator<string | Uint8Array> {
  const roots = new Set(definitions.preData.unpartitioned);
  const tables = new Set<number>();
  for await (const part of relationParts(set, plan.relations, plan.contents)) {
    tables.add(part.relation.id);
    dumped.tables = tables.size;
    if (part.extents.length === 0 && part.rows === 0) continue;
    yield `SET client_encoding = ${quoteLiteral(part.encoding)};\n`;
    yield `COPY ${tableFor(part, roots)}${columnList(part.columns)} FROM stdin;\n`;
    dumped.isInCopy = true;
    for await (const chunk of partRows(set.store, part, { signal, keys: set.keys })) {
      dumped.bytes += chunk.byteLength;
      yield chunk;
    }
    dumped.rows += part.rows;
    dumped.isInCopy = false;
    yield `\\.\n\n`;
  }
}

/** The rows of a leaf go into its root, when the script makes the root without partitions. */
function tableFor({ relation }: SetPart, roots: ReadonlySet<string>): string {
  const root = relation.partitionRoot && quoteQualified(relation.partitionRoot);
  return root !== undefined && roots.has(root) ? root : quoteQualified(relation);
}

async function* sequences({
  set,
  plan,
  catalog,
  definitions,
  signal,
}: DumpWork): AsyncGenerator<string> {
  const stored = fileOf(catalog, 'sequences.sql.zst');
  if (stored === undefined) return;
  const text = await readText(set.store, stored, { signal, keys: set.keys });
  for (const value of parseSequenceValues(text.toString('utf8'), stored.key))
    if (plan.only === undefined || definitions.isMade('SEQUENCE', value))
      yield `${sequenceStatement(value)}\n`;
  yield '\n';
}

/** pg_restore writes `BEGIN;` first and `COMMIT;` last. They would end the transaction. */
async function* withoutTransaction(file: string): AsyncGenerator<Buffer> {
  let isFirst = true;
  let held = Buffer.alloc(0);
  for await (const chunk of createReadStream(file)) {
    held = Buffer.concat([held, chunk as Buffer]);
    if (isFirst) {
      const text = held.toString('latin1').replace(/^BEGIN;\n/m, '');
      held = Buffer.from(text, 'latin1');
      isFirst = false;
    }
    // The end is kept back: COMMIT may be in it.
    const ready = held.subarray(0, Math.max(0, held.length - 4096));
    held = held.subarray(ready.length);
    if (ready.length > 0) yield ready;
  }
  const text = held.toString('latin1');
  const at = text.lastIndexOf('\nCOMMIT;\n');
  yield Buffer.from(at === -1 ? text : `${text.slice(0, at)}\n`, 'latin1');
}
