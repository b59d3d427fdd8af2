import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestOf, encode, sha256 } from '../../../backup-set/base/document.ts';
import { formatKey, METADATA_FILES } from '../../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { dateOf } from '../../../backup-set/base/timestamps.ts';
import { type Problem, Verdict } from '../../../backup-set/base/verdict.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';

/** What a generated set looks like. Names, rows and sizes follow from it alone. */
export interface GeneratedSet {
  readonly timestamp: string;
  readonly contents: number;
  readonly tables: readonly { readonly schema: string; readonly name: string }[];
  /** The older set that has 95 % of the rows. */
  readonly base?: string;
  /** Rows grow by it: 1 = as the first set. */
  readonly growth: number;
  /** Without the parts of the manifest, which are most of a large set. */
  readonly withoutParts?: boolean;
  readonly tags?: readonly string[];
  readonly minutes?: number;
  /** `orders` without it. */
  readonly database?: string;
}

export async function put(folder: string, key: string, bytes: Uint8Array): Promise<void> {
  const file = join(folder, key);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, bytes);
}

/** An object of that many bytes, all zero, that takes no space on the disk. */
export async function putSparse(folder: string, key: string, bytes: number): Promise<void> {
  await put(folder, key, new Uint8Array());
  await truncate(join(folder, key), bytes);
}

/** Rows of a table in a content: a few large tables, many small ones, and skew in some. */
function rowsOf(set: GeneratedSet, content: number, table: number): number {
  if (table % 23 === 7 && content % 5 === 0) return 0;
  const size = 3_000_000 / (table + 1) ** 1.1;
  const skew = table % 11 === 3 && content === (table * 7) % set.contents ? 9 : 1;
  const noise = 0.8 + (((content * 31 + table * 17) % 97) / 97) * 0.4;
  return Math.ceil(size * skew * noise * set.growth);
}

/** 40 to 160 bytes per row, by table. */
const bytesOf = (table: number, rows: number) => rows * (40 + ((table * 37) % 120));
const storedOf = (table: number, bytes: number) =>
  Math.max(bytes > 0 ? 9 : 0, Math.round(bytes / (1.2 + ((table * 13) % 70) / 10)));

const isCarried = (table: number) => table % 3 !== 0;

const facts = (content: number) => ({
  content,
  host: `db${Math.floor(content / 4)}.example.org`,
  port: 5432 + (content % 4),
  serverVersion: '15.4',
  encoding: 'UTF8',
});

/** The part of the manifest of one content, with its totals. */
function partOf(set: GeneratedSet, content: number) {
  const { timestamp, base } = set;
  const packs = new Map<string, { extents: object[]; bytes: number }>();
  const relations: object[] = [];
  let rows = 0;
  let bytes = 0;
  let extents = 0;
  for (const table of set.tables.keys()) {
    const counted = rowsOf(set, content, table);
    const size = bytesOf(table, counted);
    relations.push({ relation: table, rows: counted, bytes: size });
    rows += counted;
    bytes += size;
    if (counted === 0) continue;
    const of = base !== undefined && isCarried(table) ? base : timestamp;
    const pack = packs.get(of) ?? { extents: [], bytes: 0 };
    packs.set(of, pack);
    const length = storedOf(table, size);
    pack.extents.push({
      ...{ relation: table, offset: pack.bytes, length, rows: counted, bytes: size },
      crc32: '0a1b2c3d',
    });
    pack.bytes += length;
    extents += 1;
  }
  const stored = [...packs].map(([of, pack]) => ({
    key: formatKey({
      kind: 'pack',
      ...{ timestamp: of, content, attempt: 1, worker: 1, sequence: 1 },
    }),
    bytes: pack.bytes,
    crc32: '0a1b2c3d',
    extents: pack.extents,
  }));
  const document = {
    ...{ format: 'stowage/manifest-part', version: 1, timestamp },
    ...facts(content),
    ...{ refresh: [], metadata: [], relations, packs: stored },
  };
  const own = packs.get(timestamp)?.bytes ?? 0;
  const storedBytes = stored.reduce((sum, pack) => sum + pack.bytes, 0);
  const totals = {
    relations: relations.length,
    rows,
    bytes,
    storedBytes,
    objects: stored.length,
    extents,
  };
  return { document, totals, own };
}

const encoded = (document: object) => Buffer.from(`${JSON.stringify(document)}\n`);

/** Writes manifest and parts of a complete set. @returns bytes of documents that were written. */
export async function writeComplete(folder: string, set: GeneratedSet): Promise<number> {
  const { timestamp, base, tables } = set;
  let written = 0;
  const contents: Manifest['contents'] = [];
  const add = { rows: 0, bytes: 0, storedBytes: 0, extents: 0, objects: 0, own: 0 };
  const parts: ReturnType<typeof partOf>[] = [];
  for (let content = 0; content < set.contents; content += 1) {
    const part = parts[content % computed(set)] ?? partOf(set, content);
    if (set.withoutParts) parts[content] = part;
    const { document, totals, own } = part;
    const bytes = set.withoutParts ? Buffer.from('') : encoded(document);
    const key = formatKey({ kind: 'manifest-part', timestamp, content });
    if (!set.withoutParts) await put(folder, key, bytes);
    written += bytes.length;
    const incremental =
      base === undefined ? {} : { newBytes: own, newObjects: 1, usedBytes: totals.storedBytes };
    contents.push({
      ...facts(content),
      part: digestOf(bytes),
      totals: { ...totals, ...incremental },
    });
    for (const field of ['rows', 'bytes', 'storedBytes', 'extents', 'objects'] as const)
      add[field] += totals[field];
    add.own += own;
  }
  const { own, ...totals } = add;
  const started = dateOf(timestamp);
  const manifest: Manifest = {
    ...headOf(set),
    format: 'stowage/manifest',
    version: 1,
    sealedAt: new Date(started.getTime() + (set.minutes ?? 42) * 60_000).toISOString(),
    proof: { planSha256: sha256(Buffer.from(timestamp)), sealSha256: sha256(Buffer.from('seal')) },
    needs: base === undefined ? [] : [base],
    totals: {
      contents: set.contents,
      relations: tables.length,
      ...totals,
      ...(base !== undefined && {
        newBytes: own,
        newObjects: set.contents,
        usedBytes: totals.storedBytes,
      }),
    },
    relations: relationsOf(set),
    notShipped: [],
    contents,
  };
  const bytes = encode(Manifest, manifest);
  await put(folder, formatKey({ kind: 'manifest', timestamp }), bytes);
  return written + bytes.length;
}

/** Without parts, a few contents stand for all of them: 10 million counts take seconds. */
const computed = ({ withoutParts, contents }: GeneratedSet) =>
  withoutParts ? Math.min(contents, 4) : contents;

function relationsOf(set: GeneratedSet): Manifest['relations'] {
  return set.tables.map(({ schema, name }, id) => {
    const sum = { rows: 0, bytes: 0, storedBytes: 0, extents: 0 };
    const each = set.contents / computed(set);
    for (let content = 0; content < computed(set); content += 1) {
      const rows = rowsOf(set, content, id);
      const bytes = bytesOf(id, rows);
      sum.rows += Math.round(rows * each);
      sum.bytes += Math.round(bytes * each);
      sum.storedBytes += Math.round(storedOf(id, bytes) * each);
      sum.extents += rows > 0 ? Math.round(each) : 0;
    }
    const columns = ['id', 'at', 'amount'];
    return { schema, name, id, kind: 'table', columns, totals: { contents: set.contents, ...sum } };
  });
}

function headOf({ timestamp, base, tags, database = 'orders' }: GeneratedSet) {
  const startedAt = dateOf(timestamp).toISOString();
  return {
    timestamp,
    startedAt,
    cluster: 'shop',
    flavour: 'shards',
    database,
    root: 'file:///generated',
    tool: 'stowage 0.0.0',
    snapshot: { mechanism: 'barrier' as const, takenAt: startedAt, writerWaitMs: 12, attempts: 1 },
    compression: { algorithm: 'zstd' as const, level: 1 },
    ...(base !== undefined && {
      features: ['carried' as const],
      base: { timestamp: base, manifestSha256: sha256(Buffer.from(base)) },
    }),
    ...(tags && { tags: [...tags] }),
    selection: EVERYTHING,
  };
}

/** plan.json of a backup that has begun. */
export async function writePlan(folder: string, set: GeneratedSet): Promise<void> {
  const { compression, ...head } = headOf(set);
  const plan: Plan = {
    ...head,
    format: 'stowage/plan',
    version: 1,
    overdueAfterSeconds: 3600,
    frameBytes: 4 * 1024 * 1024,
    packBytes: 1024 ** 3,
    compression,
    relations: set.tables.map(({ schema, name }, id) => ({
      ...{ schema, name, id, kind: 'table', columns: ['id'] },
    })),
    notShipped: [],
    contents: Array.from({ length: set.contents }, (_, content) => ({
      ...facts(content),
      metadata: [...METADATA_FILES],
      relations: [[0, set.tables.length - 1]],
      refresh: [],
    })),
  };
  await put(folder, formatKey({ kind: 'plan', timestamp: set.timestamp }), encode(Plan, plan));
}

/** A verdict at an instant, `YYYYMMDDHHMMSSmmm`. */
export async function writeVerdict(
  folder: string,
  timestamp: string,
  level: Verdict['level'],
  instant: string,
  problems: readonly Problem[] = [],
  status: Verdict['status'] = problems.length === 0 ? 'complete' : 'damaged',
  more: Partial<Verdict> = {},
): Promise<void> {
  const verdict: Verdict = {
    ...{ format: 'stowage/verdict', version: 1, timestamp, level, status },
    at: dateOf(instant).toISOString(),
    checked: { objects: 10, bytes: 1000 },
    problemsTotal: problems.length,
    problems: [...problems],
    ...more,
  };
  const key = formatKey({ kind: 'verdict', timestamp, instant, level });
  await put(folder, key, encode(Verdict, verdict));
}
