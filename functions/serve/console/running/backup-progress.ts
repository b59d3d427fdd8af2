import { eachInFlight } from '../../../../async/each-in-flight.ts';
import { decode, RECEIPT_BYTES_MAX } from '../../../../backup-set/base/document.ts';
import { StowageError } from '../../../../backup-set/base/errors.ts';
import { formatKey, parseKey, setPrefix } from '../../../../backup-set/base/keys.ts';
import { isEverything } from '../../../../backup-set/base/selection.ts';
import { Plan } from '../../../../backup-set/documents/plan.ts';
import { Receipt } from '../../../../backup-set/documents/receipt.ts';
import { Seal } from '../../../../backup-set/documents/seal.ts';
import type { Deps } from '../../../deps.ts';
import { READS_IN_FLIGHT, readDocument } from '../../../stored/load.ts';
import type { BackupProgress, BackupSegment } from '../api.ts';

/** What is kept of a plan. */
export interface Planned {
  readonly timestamp: string;
  readonly cluster: string;
  readonly database: string;
  /** Made of chosen tables only. */
  readonly chosen: boolean;
  readonly hasBase: boolean;
  readonly startedAt: string;
  readonly contents: readonly { content: number; host: string; tables: number }[];
}

/** What is kept of the receipts of a content. */
interface Shipped {
  receipts: number;
  rows: number;
  readonly tables: Set<number>;
}

/** What the listing of a set says about a content. */
interface Listed {
  packs: number;
  storedBytes: number;
  last: Date | undefined;
  isReported: boolean;
  isSealed: boolean;
}

/** An older complete set of the database: bytes that it added, by content. */
export interface Expected {
  readonly timestamp: string;
  readonly bytes: ReadonlyMap<number, number>;
}

/** Receipts that one poll reads: 3 s at 20 ms each. The next polls read the others. */
const RECEIPTS_PER_POLL = 2_000;

/**
 * Progress of one backup, from its folder alone. It keeps which receipts it has read: they never
 * change.
 */
export function followBackup(
  deps: Deps,
  timestamp: string,
  expected: (planned: Planned) => Promise<Expected | undefined>,
): () => Promise<BackupProgress> {
  const known = new Set<string>();
  const shipped = new Map<number, Shipped>();
  let planned: Planned | undefined;

  async function readReceipts(keys: readonly string[]): Promise<void> {
    await eachInFlight(keys, READS_IN_FLIGHT, async (key) => {
      const raw = await readDocument(deps, key, RECEIPT_BYTES_MAX);
      if (raw === undefined) return;
      addReceipt(shipped, decode(Receipt, raw));
      known.add(key);
    });
  }

  return async () => {
    planned ??= await readPlan(deps, timestamp);
    const listed = new Map<number, Listed>();
    const unread: string[] = [];
    let isSealed = false;
    let isComplete = false;
    for await (const object of deps.store.list(setPrefix(timestamp), { signal: deps.signal })) {
      const key = parseKey(object.key);
      if (key?.kind === 'seal') isSealed = true;
      if (key?.kind === 'manifest') isComplete = true;
      if (key?.kind === 'receipt' && !known.has(object.key)) unread.push(object.key);
      addObject(listed, key, object);
    }
    await readReceipts(unread.slice(0, RECEIPTS_PER_POLL));
    const failures = isSealed ? await failuresOf(deps, timestamp) : [];
    const base = await expected(planned);
    return {
      timestamp,
      now: (await deps.store.now({ signal: deps.signal })).toISOString(),
      state: isComplete
        ? 'complete'
        : failures.length > 0
          ? 'failed'
          : isSealed
            ? 'sealed'
            : 'running',
      startedAt: planned.startedAt,
      ...(base && { expectedFrom: base.timestamp }),
      segments: segmentsOf(planned, listed, shipped, isSealed, base),
      unread: Math.max(0, unread.length - RECEIPTS_PER_POLL),
      failures,
    };
  };
}

async function readPlan(deps: Deps, timestamp: string): Promise<Planned> {
  const raw = await readDocument(deps, formatKey({ kind: 'plan', timestamp }));
  if (raw === undefined)
    throw new StowageError('set/not-found', `there is no plan of set ${timestamp} yet`, {
      where: { set: timestamp },
    });
  const { cluster, database, selection, base, startedAt, contents } = decode(Plan, raw);
  return {
    ...{ timestamp, cluster, database, startedAt },
    chosen: !isEverything(selection),
    hasBase: base !== undefined,
    contents: contents.map(({ content, host, port, relations }) => ({
      content,
      host: `${host}:${port}`,
      tables: relations.reduce((sum, [first, last]) => sum + last - first + 1, 0),
    })),
  };
}

async function failuresOf(deps: Deps, timestamp: string): Promise<string[]> {
  const raw = await readDocument(deps, formatKey({ kind: 'seal', timestamp }));
  if (raw === undefined) return [];
  return decode(Seal, raw).failures.map(
    ({ content, message }) => `${content === undefined ? '' : `content ${content}: `}${message}`,
  );
}

function addReceipt(shipped: Map<number, Shipped>, receipt: Receipt): void {
  const of = shipped.get(receipt.content) ?? { receipts: 0, rows: 0, tables: new Set<number>() };
  shipped.set(receipt.content, of);
  of.receipts += 1;
  if (receipt.kind !== 'pack' && receipt.kind !== 'carried') return;
  for (const { relation, rows } of receipt.extents) {
    of.rows += rows;
    of.tables.add(relation);
  }
}

function addObject(
  listed: Map<number, Listed>,
  key: ReturnType<typeof parseKey>,
  { bytes, modifiedAt }: { readonly bytes: number; readonly modifiedAt: Date },
): void {
  if (key === undefined || !('content' in key)) return;
  const none = { packs: 0, storedBytes: 0, last: undefined, isReported: false, isSealed: false };
  const of: Listed = listed.get(key.content) ?? none;
  listed.set(key.content, of);
  if (key.kind === 'pack' || key.kind === 'metadata' || key.kind === 'file') {
    of.packs += key.kind === 'pack' ? 1 : 0;
    of.storedBytes += bytes;
  }
  if (key.kind === 'backup-report') of.isReported = true;
  if (key.kind === 'seal-part') of.isSealed = true;
  const isOfShipper = key.kind === 'pack' || key.kind === 'receipt' || key.kind === 'metadata';
  if (isOfShipper && (of.last === undefined || modifiedAt > of.last)) of.last = modifiedAt;
}

/** Those with the smallest share of what is expected first. */
function segmentsOf(
  { contents }: Planned,
  listed: ReadonlyMap<number, Listed>,
  shipped: ReadonlyMap<number, Shipped>,
  isSealed: boolean,
  base: Expected | undefined,
): BackupSegment[] {
  const segments = contents.map(({ content, host, tables }): BackupSegment => {
    const seen = listed.get(content);
    const sent = shipped.get(content);
    const expectedBytes = base?.bytes.get(content);
    const begun = (seen?.storedBytes ?? 0) > 0 || sent !== undefined;
    return {
      content,
      host,
      state:
        isSealed || seen?.isSealed
          ? 'sealed'
          : seen?.isReported
            ? 'shipped'
            : begun
              ? 'shipping'
              : 'waiting',
      packs: seen?.packs ?? 0,
      storedBytes: seen?.storedBytes ?? 0,
      receipts: sent?.receipts ?? 0,
      rows: sent?.rows ?? 0,
      tables: sent?.tables.size ?? 0,
      tablesPlanned: tables,
      ...(expectedBytes !== undefined && { expectedBytes }),
      ...(seen?.last && { lastArrival: seen.last.toISOString() }),
    };
  });
  const isDone = ({ state }: BackupSegment) => Number(state === 'sealed' || state === 'shipped');
  return segments.toSorted(
    (a, b) => isDone(a) - isDone(b) || shareOf(a) - shareOf(b) || a.content - b.content,
  );
}

/** Without an expectation: of the tables of the plan. */
const shareOf = ({ expectedBytes, storedBytes, tables, tablesPlanned }: BackupSegment) =>
  expectedBytes !== undefined && expectedBytes > 0
    ? storedBytes / expectedBytes
    : tables / Math.max(1, tablesPlanned);
