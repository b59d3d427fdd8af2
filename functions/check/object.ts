import { isStowageError, messageOf } from '../../backup-set/base/errors.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import type { Extent, ObjectRef } from '../../backup-set/documents/receipt.ts';
import { checkExtents, type ExtentCheck, type ExtentFault } from '../../frame/check-extents.ts';
import { digesting, digestOf, digestText } from '../../frame/digest.ts';
import { countRows } from '../../frame/rows/count.ts';
import { fileOpener, frameOpener, type SealOpener } from '../../frame/seal/opener.ts';
import type { SetKeys } from '../../frame/seal/set-keys.ts';
import { zstd } from '../../frame/zstd/zstd.ts';
import type { CallOptions, ObjectStore } from '../../storage/store.ts';
import { type ByteReader, readBytes } from './byte-reader.ts';

/** An object to read in full, and the frames that it must hold. */
export interface CheckedObject extends ObjectRef {
  readonly content: number;
  /** In order of offset. Bytes that no extent covers count for the digest of the whole only. */
  readonly extents: readonly Extent[];
  readonly relation: (id: number) => Problem['relation'];
}

export interface ObjectOptions extends CallOptions {
  /** Whether to decompress the frames and count their rows: not of an encrypted set. */
  readonly decode: boolean;
  /** Of an encrypted set: opens its frames and files, then decompresses. */
  readonly keys?: SetKeys | undefined;
  readonly onBytes: (bytes: number) => void;
}

/** Frames beyond this (one enormous row) are decompressed as a stream, so memory stays bounded. */
const FRAME_BYTES_MAX = 64 * 1024 * 1024;

/** Reads an object once, from its first byte to its last. @returns everything that is wrong. */
export async function verifyObject(
  store: ObjectStore,
  object: CheckedObject,
  options: ObjectOptions,
): Promise<Problem[]> {
  const checks = checksOf(object);
  const source = store.get(object.key, { signal: options.signal });
  const reader = readBytes(checked(source, checks, options.onBytes));
  try {
    const problems = await verifyFrames(reader, object, checks.faults, options);
    if (options.keys !== undefined && object.extents.length === 0)
      problems.push(...(await openFile(reader, object, options.keys)));
    await reader.skip(Number.POSITIVE_INFINITY);
    return [...problems, ...verifyWhole(object, checks, problems.length > 0)];
  } catch (error) {
    // A missing or changed object is a finding; a store that does not answer is not.
    if (isStowageError(error, 'storage/not-found'))
      return [problemOf(object, 'object-missing', 'the object is missing')];
    if (isStowageError(error, 'storage/changed'))
      return [problemOf(object, 'digest-differs', messageOf(error))];
    throw error;
  } finally {
    await reader.close();
  }
}

interface Checks {
  readonly frames: ExtentCheck;
  readonly whole: ExtentCheck;
  /** Faults of the frames that have passed so far. */
  readonly faults: ReadonlyMap<Extent, ExtentFault>;
  /** CRC-32 of the whole object, where it has the right length but another CRC-32. */
  readonly wholeFault: () => ExtentFault | undefined;
}

function checksOf({ extents, bytes, crc32 }: CheckedObject): Checks {
  const faults = new Map<Extent, ExtentFault>();
  let wholeFault: ExtentFault | undefined;
  const whole = [{ offset: 0, length: bytes, crc32 }];
  return {
    frames: checkExtents(extents, (extent, fault) => faults.set(extent, fault)),
    whole: checkExtents(whole, (_, fault) => (wholeFault = fault)),
    faults,
    wholeFault: () => wholeFault,
  };
}

/** The fault of an extent is known when its last byte has been yielded, or at the end. */
async function* checked(
  source: AsyncIterable<Uint8Array>,
  { frames, whole }: Checks,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    frames.feed(chunk);
    whole.feed(chunk);
    onBytes(chunk.length);
    yield chunk;
  }
  frames.end();
  whole.end();
}

async function verifyFrames(
  reader: ByteReader,
  object: CheckedObject,
  faults: Checks['faults'],
  { decode, keys }: ObjectOptions,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const extent of object.extents) {
    await reader.skip(extent.offset - reader.position());
    const relation = object.relation(extent.relation);
    const opener = keys && frameOpener(keys, { ...extent, key: object.key }, relation ?? NOWHERE);
    const isFaulty = () => faults.has(extent);
    const isRead = decode || opener !== undefined;
    const unreadable = isRead
      ? await readFrame(reader, extent, { opener, isFaulty })
      : await reader.skip(extent.length);
    const fault = faults.get(extent);
    const finding = fault === undefined ? unreadable : findingOf(extent, fault);
    if (finding === undefined) continue;
    problems.push({
      ...problemOf(object, finding.code, finding.message),
      ...(relation && { relation }),
      offset: extent.offset,
    });
  }
  return problems;
}

/** A frame of a relation that the manifest does not name opens nowhere. */
const NOWHERE = { schema: '', name: '' };

/** A metadata file or a file of gpbackup of an encrypted set, read to its end. */
async function openFile(
  reader: ByteReader,
  object: CheckedObject,
  keys: SetKeys,
): Promise<Problem[]> {
  try {
    const stored = reader.stream(object.bytes);
    for await (const _ of fileOpener(keys, object.key, object.keyId).long(stored));
    return [];
  } catch (error) {
    const { code, message } = unreadable(error);
    return [problemOf(object, code, message)];
  }
}

type Finding = Pick<Problem, 'code' | 'message'>;

/** Reads one frame to its end. @returns why it cannot be decompressed, or its wrong row count. */
async function readFrame(
  reader: ByteReader,
  extent: Extent,
  how: FrameReading,
): Promise<Finding | undefined> {
  const isLarge = Math.max(extent.bytes, extent.length) > FRAME_BYTES_MAX;
  return isLarge ? decodeLarge(reader, extent, how) : decodeSmall(reader, extent, how);
}

interface FrameReading {
  /** Of an encrypted set. Its digests are keyed, so they are not compared. */
  readonly opener: SealOpener | undefined;
  readonly isFaulty: () => boolean;
}

async function decodeSmall(
  reader: ByteReader,
  extent: Extent,
  { opener, isFaulty }: FrameReading,
): Promise<Finding | undefined> {
  const stored = await reader.take(extent.length);
  if (isFaulty()) return undefined;
  try {
    const rows = countRows(extent.rowFormat);
    const frame = opener?.whole(stored) ?? stored;
    const decoded = await zstd.decode(frame, extent.bytes);
    rows.feed(decoded);
    return compareRows(extent, rows.count()) ?? compareDigest(extent, opener, digestOf(decoded));
  } catch (error) {
    return unreadable(error);
  }
}

async function decodeLarge(
  reader: ByteReader,
  extent: Extent,
  { opener }: FrameReading,
): Promise<Finding | undefined> {
  const end = reader.position() + extent.length;
  const rows = countRows(extent.rowFormat);
  const digest = digesting();
  const frame = reader.stream(extent.length);
  try {
    for await (const chunk of zstd.decodeLong(opener?.long(frame) ?? frame, extent.bytes)) {
      rows.feed(chunk);
      digest.update(chunk);
    }
    return compareRows(extent, rows.count()) ?? compareDigest(extent, opener, digest.end());
  } catch (error) {
    return unreadable(error);
  } finally {
    // Waits for a read that is under way: two reads at once would mix up the stream.
    await frame.return(undefined);
    await reader.skip(end - reader.position());
  }
}

function findingOf(extent: Extent, fault: ExtentFault): Finding {
  if (fault.kind === 'cut-off') {
    const message = `the frame is cut off after ${count(fault.bytes)} of ${plural(extent.length, 'byte')}`;
    return { code: 'frame-unreadable', message };
  }
  const message = `the frame is damaged: its CRC-32 is ${fault.crc32}, the receipt has ${extent.crc32}`;
  return { code: 'digest-differs', message };
}

function compareRows(extent: Extent, rows: number | undefined): Finding | undefined {
  if (rows === extent.rows) return undefined;
  const message =
    rows === undefined
      ? 'the last row of the frame is cut off'
      : `the frame has ${plural(rows, 'row')}, the receipt has ${count(extent.rows)}`;
  return { code: 'frame-unreadable', message };
}

/** A wrong digest would make a later set leave out other rows than these. */
function compareDigest(
  { digest }: Extent,
  opener: SealOpener | undefined,
  rows: Buffer,
): Finding | undefined {
  if (digest === undefined || opener !== undefined || digestText(rows) === digest) return undefined;
  const message = `the digest of the rows is ${digestText(rows)}, the receipt has ${digest}`;
  return { code: 'frame-unreadable', message };
}

function verifyWhole(object: CheckedObject, checks: Checks, isExplained: boolean): Problem[] {
  const bytes = checks.whole.position();
  if (bytes !== object.bytes) {
    const message = `the object has ${plural(bytes, 'byte')}, the receipt has ${count(object.bytes)}`;
    return [problemOf(object, 'size-differs', message)];
  }
  const fault = checks.wholeFault();
  // The problem of a frame already explains why the digest of the whole object differs.
  if (isExplained || fault?.kind !== 'digest-differs') return [];
  const message = `the object is damaged: its CRC-32 is ${fault.crc32}, the receipt has ${object.crc32}`;
  return [problemOf(object, 'digest-differs', message)];
}

function unreadable(error: unknown): Finding {
  if (isStowageError(error, 'set/damaged'))
    return { code: 'frame-unreadable', message: messageOf(error) };
  throw error;
}

function problemOf(
  { content, key }: CheckedObject,
  code: Problem['code'],
  message: string,
): Problem {
  return { code, message, content, object: key };
}
