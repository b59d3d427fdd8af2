import { eachInFlight } from '../../async/each-in-flight.ts';
import { isStowageError, messageOf, StowageError } from '../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../backup-set/base/selection.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import type { OrderOf, VerifyObject } from '../../backup-set/documents/restore/restore.ts';
import { type CheckedExtent, checkExtents } from '../../frame/check-extents.ts';
import { type ShipperDeps, showUnderWay } from '../deps.ts';
import { type Piece, type Run, runsOf } from './runs.ts';
import type { VerifiedBytes } from './verified-bytes.ts';

/** A frame, or a whole object. */
interface Part extends Piece, CheckedExtent {
  readonly relation?: QualifiedName | undefined;
}

/** Parts that one request reads. */
interface Range extends Run<Part> {
  /** Read to the end of the object: an object that is longer than the manifest says is wrong. */
  readonly isWhole?: true;
}

/** Bounds what a broken connection has to read again. */
const REQUEST_BYTES_MAX = 256 * 1024 * 1024;

/**
 * Reads every byte that the restore will use and compares it with the manifest. Finds all that is
 * wrong, not only the first. When all of it is small, the verified bytes are kept for the phases
 * that read them next.
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
  const problems: Problem[] = [];
  await eachInFlight(order.objects, workers, async (object) => {
    using _ = showUnderWay(deps.progress, object.key);
    problems.push(...(await verifyObject(object, ranges.get(object) ?? [], order.content)));
  });
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
          bytes,
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
          ...relationOf(range.parts[0]),
        });
        return found;
      }
    }
    return found;
  }
}

interface RangeSinks {
  /** Receives a copy of all bytes of the range. */
  readonly bytes: Buffer | undefined;
  readonly onWrong: (part: Part, message: string) => void;
}

async function verifyRange(
  { key, offset, length, isWhole, parts }: Range,
  { store, signal }: ShipperDeps,
  { bytes, onWrong }: RangeSinks,
): Promise<void> {
  const check = checkExtents(
    parts,
    (part, fault) => {
      // Parts that are cut off are reported as the size of their object.
      if (fault.kind === 'cut-off') return;
      onWrong(part, `stored bytes have CRC-32 ${fault.crc32}, the manifest says ${part.crc32}`);
    },
    offset,
  );
  const options = isWhole === true ? { signal } : { offset, length, signal };
  for await (const chunk of store.get(key, options)) {
    const at = check.position();
    if (at + chunk.byteLength > offset + length)
      throw sizeDiffers(key, 'more bytes are stored than the manifest says');
    bytes?.set(chunk, at - offset);
    check.feed(chunk);
  }
  if (check.position() < offset + length)
    throw sizeDiffers(key, 'fewer bytes are stored than the manifest says');
}

function differs(part: Part, content: number, message: string): Problem {
  return {
    code: 'digest-differs',
    content,
    object: part.key,
    offset: part.offset,
    message,
    ...relationOf(part),
  };
}

function sizeDiffers(object: string, message: string): StowageError {
  return new StowageError('storage/invalid', `${object}: ${message}`, { where: { object } });
}

/** One range per group of neighbouring extents. An object without extents is one range. */
function rangesOf({ key, bytes, crc32, extents }: VerifyObject): Range[] {
  if (extents === undefined) {
    const whole: Part = { key, offset: 0, length: bytes, crc32 };
    return [{ ...whole, parts: bytes === 0 ? [] : [whole], isWhole: true }];
  }
  return runsOf(
    extents.map((extent) => ({ key, ...extent })),
    { lengthMax: REQUEST_BYTES_MAX },
  );
}

const relationOf = (part: Part | undefined) =>
  part?.relation === undefined ? {} : { relation: part.relation };
