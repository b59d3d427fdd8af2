import { crc32 } from 'node:zlib';
import { isStowageError, messageOf, StowageError } from '../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../backup-set/base/selection.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import type { OrderOf, VerifyObject } from '../../backup-set/documents/restore.ts';
import { hex } from '../../frame/hex.ts';
import type { ShipperDeps } from '../deps.ts';
import { type Piece, type Run, runsOf } from './runs.ts';
import type { VerifiedBytes } from './verified-bytes.ts';

/** Bytes with one digest: a frame, or a whole object. */
interface Part extends Piece {
  readonly crc32: string;
  readonly relation?: QualifiedName;
}

/** Parts that one request reads. */
interface Range extends Run<Part> {
  /** To the end, wherever that is: a whole object must not be longer than the manifest says either. */
  readonly isWhole?: true;
}

/** One request reads at most this much, so that a broken connection loses little of it. */
const REQUEST_BYTES_MAX = 256 * 1024 * 1024;

/**
 * Reads every byte that the restore will use and compares it; finds all that is wrong, not only the first. What is right, and
 * little in all, is kept for the phases that need it next.
 */
export async function verifyObjects(
  order: OrderOf<'verify'>,
  workers: number,
  deps: ShipperDeps,
  kept?: VerifiedBytes,
): Promise<Problem[]> {
  const ranges = new Map(order.objects.map((object) => [object, rangesOf(object)]));
  const bytes = [...ranges.values()].flat().reduce((sum, { length }) => sum + length, 0);
  const keeping = kept?.hasRoomFor(bytes) === true ? kept : undefined;
  const queue = [...order.objects];
  const problems: Problem[] = [];
  const work = async () => {
    for (let object = queue.shift(); object !== undefined; object = queue.shift()) {
      deps.progress.relation = object.key;
      problems.push(...(await verifyObject(object, ranges.get(object) ?? [], order.content)));
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return problems;

  async function verifyObject(
    { key }: VerifyObject,
    ranges: readonly Range[],
    content: number,
  ): Promise<Problem[]> {
    const found: Problem[] = [];
    for (const range of ranges) {
      try {
        const bytes = keeping === undefined ? undefined : Buffer.allocUnsafeSlow(range.length);
        const before = found.length;
        await verifyRange(range, deps, {
          ...(bytes !== undefined && { bytes }),
          onWrong: (part, message) => found.push(differs(part, content, message)),
        });
        if (found.length === before && bytes !== undefined)
          keeping?.keep(range, bytes, range.isWhole === true);
      } catch (error) {
        if (!isStowageError(error, 'storage/not-found', 'storage/invalid', 'storage/changed'))
          throw error;
        const code = error.code === 'storage/not-found' ? 'object-missing' : 'size-differs';
        found.push({
          code,
          content,
          object: key,
          message: messageOf(error),
          ...named(range.parts[0]),
        });
        return found;
      }
    }
    return found;
  }
}

interface Findings {
  /** Takes what is read. */
  readonly bytes?: Buffer;
  readonly onWrong: (part: Part, message: string) => void;
}

async function verifyRange(
  { key, offset, length, isWhole, parts }: Range,
  { store, signal }: ShipperDeps,
  { bytes, onWrong }: Findings,
): Promise<void> {
  let at = offset;
  let index = 0;
  let crc = 0;
  for await (const chunk of store.get(
    key,
    isWhole === true ? { signal } : { offset, length, signal },
  )) {
    const end = at + chunk.byteLength;
    if (end > offset + length)
      throw sizeDiffers(key, 'more bytes are stored than the manifest says');
    bytes?.set(chunk, at - offset);
    for (let part = parts[index]; part !== undefined && part.offset < end; part = parts[index]) {
      const partEnd = part.offset + part.length;
      crc = crc32(chunk.subarray(Math.max(part.offset - at, 0), partEnd - at), crc);
      if (partEnd > end) break;
      if (hex(crc) !== part.crc32) {
        onWrong(part, `stored bytes have CRC-32 ${hex(crc)}, the manifest says ${part.crc32}`);
      }
      index += 1;
      crc = 0;
    }
    at = end;
  }
  if (at < offset + length) throw sizeDiffers(key, 'fewer bytes are stored than the manifest says');
}

function differs(part: Part, content: number, message: string): Problem {
  return {
    code: 'digest-differs',
    content,
    object: part.key,
    offset: part.offset,
    message,
    ...named(part),
  };
}

function sizeDiffers(object: string, message: string): StowageError {
  return new StowageError('storage/invalid', `${object}: ${message}`, { where: { object } });
}

/** Parts that follow each other become one read; an object without parts is one part of its own. */
function rangesOf({ key, bytes, crc32: wanted, extents }: VerifyObject): Range[] {
  if (extents === undefined) {
    const whole: Part = { key, offset: 0, length: bytes, crc32: wanted };
    return [{ ...whole, parts: bytes === 0 ? [] : [whole], isWhole: true }];
  }
  return runsOf(
    extents.map((extent) => ({ key, ...extent })),
    { lengthMax: REQUEST_BYTES_MAX },
  );
}

const named = (part: Part | undefined) =>
  part?.relation === undefined ? {} : { relation: part.relation };
