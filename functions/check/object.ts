import { crc32 } from 'node:zlib';
import { isStowageError, messageOf } from '../../backup-set/base/errors.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import type { Extent, ObjectRef } from '../../backup-set/documents/receipt.ts';
import { hex } from '../../frame/hex.ts';
import { zstd } from '../../frame/zstd/zstd.ts';
import type { CallOptions, ObjectStore } from '../../storage/store.ts';
import { type ByteReader, readBytes } from './byte-reader.ts';
import { countRows } from './count-rows.ts';

/** An object to read in full, and the frames that must be found in it. */
export interface CheckedObject extends ObjectRef {
  readonly content: number;
  /** In order of offset; parts of a pack that no extent covers are read, and count for the whole only. */
  readonly extents: readonly Extent[];
  readonly relation: (id: number) => Problem['relation'];
}

export interface ObjectOptions extends CallOptions {
  readonly decode: boolean;
  readonly onBytes: (bytes: number) => void;
}

/** Frames beyond this (one enormous row) are decompressed as a stream, so that memory stays bounded. */
const FRAME_BYTES_MAX = 64 * 1024 * 1024;

/** Reads an object once, from its first byte to its last. @returns everything that is wrong with it. */
export async function verifyObject(
  store: ObjectStore,
  object: CheckedObject,
  options: ObjectOptions,
): Promise<Problem[]> {
  const { signal } = options;
  const source = store.get(object.key, { signal });
  const reader = readBytes(source, options.onBytes);
  try {
    const problems = await verifyFrames(reader, object, options.decode);
    await reader.skip(Number.POSITIVE_INFINITY);
    return [...problems, ...verifyWhole(reader, object, problems.length > 0)];
  } catch (error) {
    // What is missing or changes under the reader is a finding; a store that does not answer is not.
    if (isStowageError(error, 'storage/not-found'))
      return [problemOf(object, 'object-missing', 'the object is not there')];
    if (isStowageError(error, 'storage/changed'))
      return [problemOf(object, 'digest-differs', messageOf(error))];
    throw error;
  } finally {
    await reader.close();
  }
}

async function verifyFrames(
  reader: ByteReader,
  object: CheckedObject,
  decode: boolean,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const extent of object.extents) {
    await reader.skip(extent.offset - reader.at());
    const wrong = await verifyFrame(reader, extent, decode);
    if (wrong === undefined) continue;
    const relation = object.relation(extent.relation);
    const { offset } = extent;
    problems.push({
      ...problemOf(object, wrong.code, wrong.message),
      ...(relation && { relation }),
      offset,
    });
  }
  return problems;
}

type Wrong = Pick<Problem, 'code' | 'message'>;

async function verifyFrame(
  reader: ByteReader,
  extent: Extent,
  decode: boolean,
): Promise<Wrong | undefined> {
  const isLarge = Math.max(extent.bytes, extent.length) > FRAME_BYTES_MAX;
  return isLarge
    ? verifyLargeFrame(reader, extent, decode)
    : verifySmallFrame(reader, extent, decode);
}

async function verifySmallFrame(
  reader: ByteReader,
  extent: Extent,
  decode: boolean,
): Promise<Wrong | undefined> {
  const frame = await reader.take(extent.length);
  const wrong = compareFrame(extent, frame.length, crc32(frame));
  if (wrong !== undefined || !decode) return wrong;
  try {
    const rows = countRows();
    rows.feed(await zstd.decode(frame, extent.bytes));
    return compareRows(extent, rows.count());
  } catch (error) {
    return unreadable(error);
  }
}

async function verifyLargeFrame(
  reader: ByteReader,
  extent: Extent,
  decode: boolean,
): Promise<Wrong | undefined> {
  const end = reader.at() + extent.length;
  const seen = { bytes: 0, crc: 0 };
  async function* measured(): AsyncGenerator<Uint8Array> {
    for await (const chunk of reader.pass(extent.length)) {
      seen.bytes += chunk.length;
      seen.crc = crc32(chunk, seen.crc);
      yield chunk;
    }
  }
  const rows = countRows();
  const frame = measured();
  let decoding: Wrong | undefined;
  try {
    if (decode) for await (const chunk of zstd.decodeLong(frame, extent.bytes)) rows.feed(chunk);
  } catch (error) {
    decoding = unreadable(error);
  } finally {
    // Waits for a read that is under way: two readers at once would tear the stream.
    await frame.return(undefined);
  }
  // The rest of a frame that could not be decompressed still belongs to its digest.
  for await (const chunk of reader.pass(end - reader.at())) {
    seen.bytes += chunk.length;
    seen.crc = crc32(chunk, seen.crc);
  }
  const wrong = compareFrame(extent, seen.bytes, seen.crc) ?? decoding;
  return wrong ?? (decode ? compareRows(extent, rows.count()) : undefined);
}

function compareFrame(extent: Extent, bytes: number, crc: number): Wrong | undefined {
  if (bytes < extent.length) {
    const message = `the frame is cut off after ${bytes} of ${extent.length} bytes`;
    return { code: 'frame-unreadable', message };
  }
  if (hex(crc) === extent.crc32) return undefined;
  const message = `the frame's crc32 is ${hex(crc)}; ${extent.crc32} was received`;
  return { code: 'digest-differs', message };
}

function compareRows(extent: Extent, rows: number | undefined): Wrong | undefined {
  if (rows === extent.rows) return undefined;
  const message =
    rows === undefined ? 'its last row is cut off' : `it holds ${rows} rows, not ${extent.rows}`;
  return { code: 'frame-unreadable', message };
}

function verifyWhole(reader: ByteReader, object: CheckedObject, explained: boolean): Problem[] {
  if (reader.at() !== object.bytes) {
    const message = `it has ${reader.at()} bytes; ${object.bytes} were received`;
    return [problemOf(object, 'size-differs', message)];
  }
  const digest = hex(reader.crc());
  // A frame that was named already explains why the whole differs.
  if (explained || digest === object.crc32) return [];
  const message = `the object's crc32 is ${digest}; ${object.crc32} was received`;
  return [problemOf(object, 'digest-differs', message)];
}

function unreadable(error: unknown): Wrong {
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
