import { StowageError } from '../../backup-set/base/errors.ts';

/** Follows one zstd frame (RFC 8878, 3.1.1) chunk by chunk, without decompressing it. */
export interface FrameWalk {
  /** @throws StowageError `set/damaged` if the bytes are not one zstd frame with a checksum. */
  feed(chunk: Uint8Array): void;
  /** @throws StowageError `set/damaged` if the frame is truncated. */
  end(): void;
}

const MAGIC = 0xfd2fb528;
const HAS_CHECKSUM = 0x04;
const SINGLE_SEGMENT = 0x20;
const CHECKSUM_BYTES = 4;
const RAW = 0;
const RUN_LENGTH = 1;
const RESERVED = 3;

/** What comes next in the frame: bytes to read, or bytes to skip. */
interface Step {
  readonly kind: 'read' | 'skip';
  readonly bytes: number;
}

const read = (bytes: number): Step => ({ kind: 'read', bytes });
const skip = (bytes: number): Step => ({ kind: 'skip', bytes });

export function walkFrame(): FrameWalk {
  const steps = stepsOfFrame();
  let step = steps.next();
  let bytesRead: number[] = [];
  let skipped = 0;
  let at = 0;
  const advance = () => {
    const seen = Uint8Array.from(bytesRead);
    bytesRead = [];
    skipped = 0;
    step = steps.next(seen);
  };
  return {
    feed(chunk) {
      let offset = 0;
      while (offset < chunk.length) {
        if (step.done === true)
          throw unreadable(`${chunk.length - offset} or more bytes follow its end at byte ${at}`);
        const { kind, bytes } = step.value;
        if (kind === 'read') {
          bytesRead.push(chunk[offset] ?? 0);
          offset += 1;
          at += 1;
          if (bytesRead.length === bytes) advance();
        } else {
          const some = Math.min(bytes - skipped, chunk.length - offset);
          skipped += some;
          offset += some;
          at += some;
          if (skipped === bytes) advance();
        }
      }
    },
    end() {
      if (step.done !== true) throw unreadable(`it is truncated after ${at} bytes`);
    },
  };
}

function* stepsOfFrame(): Generator<Step, void, Uint8Array> {
  const start = yield read(5);
  if (littleEndian(start.subarray(0, 4)) !== MAGIC)
    throw unreadable('it does not begin with the magic number of a zstd frame');
  const descriptor = start[4] ?? 0;
  if ((descriptor & HAS_CHECKSUM) === 0)
    throw unreadable('it has no checksum, so damage cannot be detected');
  yield skip(restOfHeader(descriptor));
  for (let last = false; !last; ) {
    const block = littleEndian(yield read(3));
    last = (block & 1) === 1;
    const type = (block >> 1) & 3;
    if (type === RESERVED) throw unreadable('it has a block of a reserved type');
    const size = type === RUN_LENGTH ? 1 : block >> 3;
    if (size > 0) yield skip(size);
    else if (type !== RAW) throw unreadable('it has an empty compressed block');
  }
  yield skip(CHECKSUM_BYTES);
}

/**
 * Bytes of window descriptor, dictionary id and content size. Never 0, as a frame always has a
 * window descriptor or a content size.
 */
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
