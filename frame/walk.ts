import { StowageError } from '../backup-set/base/errors.ts';

/** Follows one zstd frame (RFC 8878, 3.1.1) chunk by chunk, without decompressing it. */
export interface FrameWalk {
  /** @throws StowageError `set/damaged` when the bytes are no zstd frame, have no checksum, or go on after its end. */
  feed(chunk: Uint8Array): void;
  /** @throws StowageError `set/damaged` when the frame is not whole. */
  end(): void;
}

const MAGIC = 0xfd2fb528;
const HAS_CHECKSUM = 0x04;
const SINGLE_SEGMENT = 0x20;
const CHECKSUM_BYTES = 4;
const RAW = 0;
const RUN_LENGTH = 1;
const RESERVED = 3;

/** Bytes to look at, or bytes to pass over, before the next decision. */
type Want = { readonly look: number } | { readonly skip: number };

export function walkFrame(): FrameWalk {
  const steps = stepsOfFrame();
  let want = steps.next();
  let looked: number[] = [];
  let skipped = 0;
  let at = 0;
  const advance = () => {
    const seen = Uint8Array.from(looked);
    looked = [];
    skipped = 0;
    want = steps.next(seen);
  };
  return {
    feed(chunk) {
      let offset = 0;
      while (offset < chunk.length) {
        if (want.done === true)
          throw unreadable(`${chunk.length - offset} or more bytes follow its end at ${at}`);
        const wanted = want.value;
        if ('look' in wanted) {
          looked.push(chunk[offset] ?? 0);
          offset += 1;
          at += 1;
          if (looked.length === wanted.look) advance();
        } else {
          const some = Math.min(wanted.skip - skipped, chunk.length - offset);
          skipped += some;
          offset += some;
          at += some;
          if (skipped === wanted.skip) advance();
        }
      }
    },
    end() {
      if (want.done !== true) throw unreadable(`it is cut off after ${at} bytes`);
    },
  };
}

function* stepsOfFrame(): Generator<Want, void, Uint8Array> {
  const start = yield { look: 5 };
  if (littleEndian(start.subarray(0, 4)) !== MAGIC)
    throw unreadable('it does not begin as a zstd frame');
  const descriptor = start[4] ?? 0;
  if ((descriptor & HAS_CHECKSUM) === 0)
    throw unreadable('it has no checksum, so damage could not be noticed');
  yield { skip: restOfHeader(descriptor) };
  for (let last = false; !last; ) {
    const block = littleEndian(yield { look: 3 });
    last = (block & 1) === 1;
    const type = (block >> 1) & 3;
    if (type === RESERVED) throw unreadable('it has a block of a reserved type');
    const size = type === RUN_LENGTH ? 1 : block >> 3;
    if (size > 0) yield { skip: size };
    else if (type !== RAW) throw unreadable('it has an empty compressed block');
  }
  yield { skip: CHECKSUM_BYTES };
}

/** Window descriptor, dictionary id and content size; never nothing: one of the first and the last is always there. */
function restOfHeader(descriptor: number): number {
  const single = (descriptor & SINGLE_SEGMENT) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSize = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return (single ? 0 : 1) + dictionary + contentSize;
}

function littleEndian(bytes: Uint8Array): number {
  return bytes.reduceRight((number, byte) => number * 256 + byte, 0);
}

function unreadable(message: string): StowageError {
  return new StowageError('set/damaged', `the frame cannot be read: ${message}`);
}
