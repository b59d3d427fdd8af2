import type { RowBlock } from '../../database/copy-wire/row-block.ts';
import type { FrameEncoder } from '../../frame/codec.ts';
import { zstd } from '../../frame/zstd/zstd.ts';
import type { Level } from './level.ts';
import type { FrameCounts, PackSeries } from './pack-writer.ts';
import { FRAMES_IN_LINE_MAX } from './row-room.ts';

/** One worker's frames on their way from blocks of rows to its packs: compressed side by side, appended in their order. */
export interface OrderedFrames {
  /** Takes a block, which it releases. Waits for a place in the line, not for the frame; a long row is gone when it returns. */
  push(relation: number, block: RowBlock): Promise<FrameCounts>;
  /** Waits until every frame was appended. */
  drain(): Promise<void>;
}

/** What makes frames of rows; all workers share it. */
export interface Compression {
  readonly encoder: FrameEncoder;
  readonly level: Level;
}

interface Frame {
  readonly compressed: Promise<unknown>;
  readonly appended: Promise<void>;
}

export function orderedFrames(packs: PackSeries, { encoder, level }: Compression): OrderedFrames {
  const line: Frame[] = [];
  let last: Promise<void> = Promise.resolve();

  return {
    async push(relation, block) {
      if (block.kind === 'long-row') return pushLong(relation, block.chunks);
      const counts = { rows: block.count, bytes: block.rows.byteLength };
      try {
        while (line.length >= FRAMES_IN_LINE_MAX) await room();
      } catch (error) {
        block.release();
        throw error;
      }
      const compressed = encoder.encode(block.rows, level.current()).finally(() => block.release());
      const before = last;
      const appended = (async () => {
        const [{ stored, release }] = await Promise.all([compressed, before]);
        await packs.frame(relation, { stored, counts: () => counts });
        release();
      })();
      const frame = { compressed, appended };
      line.push(frame);
      last = appended;
      // Whoever pushes or drains next hears of a failure; until then it must not count as unhandled.
      appended.then(
        () => void line.splice(line.indexOf(frame), 1),
        () => undefined,
      );
      return counts;
    },
    drain: () => last,
  };

  /** Waits for the first in line, and tells the level what it was that we waited for. */
  async function room(): Promise<void> {
    const [first] = line;
    if (first === undefined) return;
    await level.waiting('compression', first.compressed);
    await level.waiting('storage', first.appended);
  }

  async function pushLong(
    relation: number,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<FrameCounts> {
    const counts = { rows: 1, bytes: 0 };
    await last;
    const stored = zstd.encodeLong(counting(chunks, counts), level.current());
    await packs.frame(relation, { stored, counts: () => counts });
    return counts;
  }
}

async function* counting(
  chunks: AsyncIterable<Uint8Array>,
  counts: { bytes: number },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    counts.bytes += chunk.byteLength;
    yield chunk;
  }
}
