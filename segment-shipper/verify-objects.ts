import { crc32 } from 'node:zlib';
import { isStowageError, messageOf, StowageError } from '../backup-set/errors.ts';
import type { OrderOf, VerifyObject } from '../backup-set/restore.ts';
import type { QualifiedName } from '../backup-set/selection.ts';
import type { Problem } from '../backup-set/verdict.ts';
import type { ShipperDeps } from './deps.ts';
import { hex } from './pack-writer.ts';

/** Bytes with one digest: a frame, or a whole object. */
interface Part {
  readonly offset: number;
  readonly length: number;
  readonly crc32: string;
  readonly relation?: QualifiedName;
}

/** Parts that one request reads. */
interface Range {
  readonly offset: number;
  /** Absent = to the end, wherever that is: a whole object must not be longer than the manifest says either. */
  readonly length: number | undefined;
  readonly parts: Part[];
}

/** Reads every byte that the restore will use and compares it; finds all that is wrong, not only the first. */
export async function verifyObjects(
  order: OrderOf<'verify'>,
  workers: number,
  deps: ShipperDeps,
): Promise<Problem[]> {
  const queue = [...order.objects];
  const problems: Problem[] = [];
  const work = async () => {
    for (let object = queue.shift(); object !== undefined; object = queue.shift()) {
      deps.progress.relation = object.key;
      problems.push(...(await verifyObject(object, order.content, deps)));
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return problems;
}

async function verifyObject(object: VerifyObject, content: number, deps: ShipperDeps): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const range of rangesOf(object)) {
    try {
      await verifyRange(object.key, content, range, problems, deps);
    } catch (error) {
      if (!isStowageError(error, 'storage/not-found', 'storage/invalid', 'storage/changed')) throw error;
      const code = error.code === 'storage/not-found' ? 'object-missing' : 'size-differs';
      problems.push({
        code,
        content,
        object: object.key,
        message: messageOf(error),
        ...named(range.parts[0]),
      });
      return problems;
    }
  }
  return problems;
}

async function verifyRange(
  key: string,
  content: number,
  range: Range,
  problems: Problem[],
  deps: ShipperDeps,
): Promise<void> {
  let index = 0;
  let filled = 0;
  let crc = 0;
  for await (const chunk of deps.store.get(key, {
    offset: range.offset,
    ...(range.length !== undefined && { length: range.length }),
    signal: deps.signal,
  })) {
    deps.progress.storedBytes += chunk.byteLength;
    for (let at = 0; at < chunk.byteLength; ) {
      const part = range.parts[index];
      if (part === undefined) throw sizeDiffers(key, 'more bytes are stored than the manifest says');
      const take = Math.min(chunk.byteLength - at, part.length - filled);
      crc = crc32(chunk.subarray(at, at + take), crc);
      at += take;
      filled += take;
      if (filled < part.length) continue;
      if (hex(crc) !== part.crc32) {
        const message = `stored bytes have CRC-32 ${hex(crc)}, the manifest says ${part.crc32}`;
        problems.push({
          code: 'digest-differs',
          content,
          object: key,
          offset: part.offset,
          message,
          ...named(part),
        });
      }
      index++;
      filled = 0;
      crc = 0;
    }
  }
  if (index < range.parts.length) throw sizeDiffers(key, 'fewer bytes are stored than the manifest says');
}

function sizeDiffers(object: string, message: string): StowageError {
  return new StowageError('storage/invalid', `${object}: ${message}`, { where: { object } });
}

/** Parts that follow each other become one read; an object without parts is one part of its own. */
function rangesOf({ bytes, crc32: wanted, extents }: VerifyObject): Range[] {
  if (extents === undefined) {
    const whole: Part = { offset: 0, length: bytes, crc32: wanted };
    return [{ offset: 0, length: undefined, parts: bytes === 0 ? [] : [whole] }];
  }
  const ranges: { offset: number; length: number; parts: Part[] }[] = [];
  for (const part of extents) {
    const last = ranges.at(-1);
    if (last !== undefined && last.offset + last.length === part.offset) {
      last.length += part.length;
      last.parts.push(part);
    } else {
      ranges.push({ offset: part.offset, length: part.length, parts: [part] });
    }
  }
  return ranges;
}

const named = (part: Part | undefined) => (part?.relation === undefined ? {} : { relation: part.relation });
