import { createZstdDecompress, type ZstdDecompress } from 'node:zlib';

/**
 * The bytes in a zstd file of any number of frames, as `zstd -d` reads it: pzstd writes several,
 * and so does `cat a.zst b.zst`. Node's decoder alone ends with the first frame, and leaves out
 * what follows without an error.
 */
export async function* zstdFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let decoder = newDecoder();
  try {
    for await (const chunk of source)
      for (let left = chunk; left.length > 0; ) {
        const before = decoder.bytesWritten;
        yield* decodedFrom(decoder, left);
        left = left.subarray(decoder.bytesWritten - before);
        if (left.length === 0) break;
        // It has ended with its frame, and has not taken the bytes of the next one.
        decoder.destroy();
        decoder = newDecoder();
      }
    decoder.end();
    yield* decoder as AsyncIterable<Uint8Array>;
  } finally {
    decoder.destroy();
  }
}

function newDecoder(): ZstdDecompress {
  const decoder = createZstdDecompress();
  // Without a listener, an error that comes between two reads would end the process.
  decoder.on('error', () => undefined);
  return decoder;
}

/** What the decoder makes of one chunk, or of the part of it that belongs to its frame. */
async function* decodedFrom(
  decoder: ZstdDecompress,
  chunk: Uint8Array,
): AsyncGenerator<Uint8Array> {
  let isTaken = false;
  let failure: Error | undefined;
  let wake: () => void = () => undefined;
  const onReadable = () => wake();
  // Of a write that fails, zlib does not always call the callback.
  const onError = (error: Error) => {
    failure = error;
    wake();
  };
  decoder.on('readable', onReadable).on('error', onError);
  decoder.write(chunk, () => {
    isTaken = true;
    wake();
  });
  try {
    for (;;) {
      const changed = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const bytes = decoder.read() as Uint8Array | null;
      if (bytes !== null) yield bytes;
      else if (failure !== undefined) throw failure;
      else if (isTaken) return;
      else await changed;
    }
  } finally {
    decoder.off('readable', onReadable).off('error', onError);
  }
}
