import { decode, type RawDocument, sha256 } from './documents.ts';
import { isStowageError, messageOf } from './errors.ts';
import { formatKey } from './keys.ts';
import type { ManifestContent } from './manifest.ts';
import { idsOf, type PlannedContent, type Relation } from './plan.ts';
import { Receipt, type StoredAs } from './receipt.ts';
import type { Seal, SealedContent, SealedReceipt } from './seal.ts';
import { firstGap } from './tiling.ts';
import type { Problem } from './verdict.ts';

/** Receipts as read, by key. */
export type ReceiptIndex = ReadonlyMap<string, RawDocument>;

/** One segment of a set: its share of the manifest, or why it has none. */
export interface CountedContent {
  readonly content?: ManifestContent;
  readonly problems: readonly Problem[];
}

/** Holds one content's receipts against the plan and the seal. */
export function countContent(
  timestamp: string,
  named: ReadonlyMap<number, Relation>,
  planned: PlannedContent,
  seal: Seal,
  receipts: ReceiptIndex,
): CountedContent {
  const { content } = planned;
  const sealed = seal.contents.filter((candidate) => candidate.content === content);
  const [only] = sealed;
  if (only === undefined || sealed.length > 1) {
    return {
      problems: [{ code: 'content-missing', content, message: `sealed ${sealed.length} times, not once` }],
    };
  }
  const counted = readReceipts(timestamp, only, receipts);
  const relations = countRelations(named, planned, only, counted);
  const metadata = countMetadata(planned, counted.receipts);
  const problems = [...counted.problems, ...relations.problems, ...metadata.problems];
  if (problems.length > 0) return { problems };
  const { host, port, serverVersion, encoding, refresh } = planned;
  return {
    problems,
    content: {
      content,
      host,
      port,
      serverVersion,
      encoding,
      refresh,
      metadata: metadata.files,
      relations: relations.counts,
      packs: packsThatCount(only, counted.receipts),
    },
  };
}

interface CountedReceipts {
  readonly receipts: readonly Receipt[];
  readonly problems: Problem[];
  /** Keys of receipts that should count and do not: the first suspects when rows are missing. */
  readonly lost: readonly string[];
}

function readReceipts(timestamp: string, sealed: SealedContent, index: ReceiptIndex): CountedReceipts {
  const { content } = sealed;
  const receipts: Receipt[] = [];
  const problems: Problem[] = [];
  const lost: string[] = [];
  const inOrder = [...sealed.receipts].sort(
    (a, b) => a.attempt - b.attempt || a.worker - b.worker || a.sequence - b.sequence,
  );
  for (const entry of inOrder) {
    const key = formatKey({ kind: 'receipt', timestamp, content, ...entry });
    const receipt = readReceipt(key, entry, index, { timestamp, content });
    if ('code' in receipt) {
      problems.push({ ...receipt, content, object: key });
      lost.push(key);
    } else {
      receipts.push(receipt);
    }
  }
  return { receipts, problems, lost };
}

function readReceipt(
  key: string,
  sealed: SealedReceipt,
  index: ReceiptIndex,
  set: { timestamp: string; content: number },
): Receipt | Pick<Problem, 'code' | 'message'> {
  const raw = index.get(key);
  if (raw === undefined)
    return { code: 'receipt-missing', message: 'the seal names this receipt; it is not there' };
  if (sha256(raw.bytes) !== sealed.sha256)
    return { code: 'receipt-altered', message: 'its digest is not the one in the seal' };
  try {
    const receipt = decode(Receipt, raw);
    if (!belongsTo(receipt, sealed, set))
      return { code: 'documents-disagree', message: 'its fields belong to another key' };
    const gap = receipt.kind === 'pack' ? firstGap(receipt) : undefined;
    return gap === undefined ? receipt : { code: 'pack-not-tiled', message: gap };
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    return { code: 'receipt-unreadable', message: messageOf(error) };
  }
}

function belongsTo(
  receipt: Receipt,
  sealed: SealedReceipt,
  { timestamp, content }: { timestamp: string; content: number },
): boolean {
  const { attempt, worker, sequence } = receipt;
  const object =
    receipt.kind === 'pack'
      ? formatKey({ kind: 'pack', timestamp, content, attempt, worker, sequence })
      : formatKey({ kind: 'metadata', timestamp, content, attempt, file: receipt.file });
  const sameShipment = attempt === sealed.attempt && worker === sealed.worker && sequence === sealed.sequence;
  return (
    sameShipment &&
    receipt.timestamp === timestamp &&
    receipt.content === content &&
    receipt.object.key === object
  );
}

function countRelations(
  named: ReadonlyMap<number, Relation>,
  planned: PlannedContent,
  sealed: SealedContent,
  { receipts, lost }: CountedReceipts,
) {
  const { content } = planned;
  const arrived = sumExtents(receipts);
  const inSeal = new Map(sealed.relations.map((entry) => [entry.relation, entry]));
  const problems: Problem[] = [];
  const counts: ManifestContent['relations'] = [];
  for (const id of idsOf(planned.relations)) {
    const relation = named.get(id);
    const word = inSeal.get(id);
    inSeal.delete(id);
    const name = relation === undefined ? undefined : { schema: relation.schema, name: relation.name };
    const problem = (code: Problem['code'], message: string) =>
      problems.push({
        code,
        message,
        content,
        ...(name && { relation: name }),
        ...(lost[0] && { object: lost[0] }),
      });
    if (relation === undefined) {
      problem('documents-disagree', `the plan gives relation ${id} to this content and does not define it`);
    } else if (word === undefined) {
      problem('relation-incomplete', 'the database has given no count for it');
    } else {
      const got = arrived.get(`${word.attempt} ${id}`) ?? { rows: 0, bytes: 0 };
      const short = got.rows < word.rows || got.bytes < word.bytes;
      const message = `${got.rows} of ${word.rows} rows and ${got.bytes} of ${word.bytes} bytes have arrived`;
      if (short) problem('relation-incomplete', message);
      else if (got.rows > word.rows || got.bytes > word.bytes) problem('relation-surplus', message);
      else counts.push({ relation: id, rows: word.rows, bytes: word.bytes });
    }
  }
  for (const id of inSeal.keys()) {
    problems.push({
      code: 'documents-disagree',
      content,
      message: `the seal counts relation ${id}, which the plan does not give to this content`,
    });
  }
  return { counts, problems };
}

/** Rows and bytes per attempt and relation. */
function sumExtents(receipts: readonly Receipt[]): Map<string, { rows: number; bytes: number }> {
  const sums = new Map<string, { rows: number; bytes: number }>();
  for (const receipt of receipts) {
    if (receipt.kind !== 'pack') continue;
    for (const { relation, rows, bytes } of receipt.extents) {
      const key = `${receipt.attempt} ${relation}`;
      const so = sums.get(key) ?? { rows: 0, bytes: 0 };
      sums.set(key, { rows: so.rows + rows, bytes: so.bytes + bytes });
    }
  }
  return sums;
}

function countMetadata({ content, metadata }: PlannedContent, receipts: readonly Receipt[]) {
  const files: ManifestContent['metadata'] = [];
  const problems: Problem[] = [];
  for (const file of [...metadata].sort()) {
    const found = receipts.filter((receipt) => receipt.kind === 'metadata' && receipt.file === file);
    const [receipt] = found;
    if (receipt === undefined || found.length > 1) {
      problems.push({
        code: 'metadata-missing',
        content,
        message: `${found.length} sealed receipts for ${file}, not one`,
      });
    } else {
      files.push({ ...storedAs(receipt.object), file });
    }
  }
  return { files, problems };
}

/** Packs with only the extents whose attempt counts; a pack with none is left out. */
function packsThatCount(sealed: SealedContent, receipts: readonly Receipt[]): ManifestContent['packs'] {
  const attemptOf = new Map(sealed.relations.map(({ relation, attempt }) => [relation, attempt]));
  return receipts
    .filter((receipt) => receipt.kind === 'pack')
    .map(({ object, extents, attempt }) => ({
      ...storedAs(object),
      extents: extents.filter(({ relation }) => attemptOf.get(relation) === attempt),
    }))
    .filter(({ extents }) => extents.length > 0);
}

function storedAs({ key, bytes, crc32, etag }: StoredAs): StoredAs {
  return { key, bytes, crc32, ...(etag === undefined ? {} : { etag }) };
}
