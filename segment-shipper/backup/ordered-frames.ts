import type { RowBlock } from '../../database/copy-wire/row-block.ts';
import type { FrameEncoder } from '../../frame/codec.ts';
import { digesting, digestOf, digestText } from '../../frame/digest.ts';
import { zstd } from '../../frame/zstd/zstd.ts';
import { FRAMES_PENDING_MAX } from './block-memory.ts';
import type { BaseIndex } from './carry/base-index.ts';
import type { Level } from './level.ts';
import type { FrameCounts, PackSeries } from './pack-series.ts';

/** Turns one worker's blocks of rows into frames: compressed in parallel, appended in order. */
export interface OrderedFrames {
  /**
   * Takes a block and releases it later. Waits while too many frames are pending, but not for its
   * own frame. A long row, however, is completely appended when this resolves.
   */
  push(
    relation: number,
    block: RowBlock,
    kind?: Pick<FrameCounts, 'rowFormat' | 'range'>,
  ): Promise<FrameCounts>;
  /** Waits until every frame has been appended. */
  drain(): Promise<void>;
}

/** Shared by all workers. */
export interface Compression {
  readonly encoder: FrameEncoder;
  /** How the digests of rows are made; absent = by SHA-256, `none` = they are not made. */
  readonly digestKey?: Uint8Array | 'none';
  readonly level: Level;
  /** The frames of the base that this set can use. */
  readonly base?: BaseIndex;
}

interface Frame {
  readonly compressed: Promise<unknown>;
  readonly appended: Promise<void>;
}

export function orderedFrames(
  packs: PackSeries,
  { encoder, level, base, digestKey }: Compression,
): OrderedFrames {
  const pending: Frame[] = [];
  let last: Promise<void> = Promise.resolve();

  return {
    async push(relation, block, format = {}) {
      const { rowFormat } = format;
      if (block.kind === 'long-row') return pushLong(relation, block.chunks, format);
      const bytes = block.rows.byteLength;
      const digest = digestKey === 'none' ? undefined : digestOf(block.rows, digestKey);
      let counts: FrameCounts = { rows: block.count, bytes, ...format };
      if (digest !== undefined) {
        const digested = { ...counts, digest: digestText(digest) };
        const from = base?.take({ relation, rowFormat, bytes }, digest);
        if (from !== undefined) {
          block.release();
          await packs.carry({ relation, from, ...digested });
          return digested;
        }
        counts = digested;
      }
      try {
        while (pending.length >= FRAMES_PENDING_MAX) await firstAppended();
      } catch (error) {
        block.release();
        throw error;
      }
      const compressed = encoder.encode(block.rows, level.current()).finally(() => block.release());
      const before = last;
      const appended = (async () => {
        const [{ stored, release }] = await Promise.all([compressed, before]);
        await packs.frame(relation, { stored, rowFormat, counts: () => counts });
        release();
      })();
      const frame = { compressed, appended };
      pending.push(frame);
      last = appended;
      // The next push or drain throws a failure; until then it must not be an unhandled rejection.
      appended.then(
        () => void pending.splice(pending.indexOf(frame), 1),
        () => undefined,
      );
      return counts;
    },
    drain: () => last,
  };

  /** Waits for the first pending frame, and counts the time towards what it waited for. */
  async function firstAppended(): Promise<void> {
    const [first] = pending;
    if (first === undefined) return;
    await level.waiting('compression', first.compressed);
    await level.waiting('storage', first.appended);
  }

  async function pushLong(
    relation: number,
    chunks: AsyncIterable<Uint8Array>,
    format: Pick<FrameCounts, 'rowFormat' | 'range'>,
  ): Promise<FrameCounts> {
    const counts = { rows: 1, bytes: 0, ...format };
    const digest = digestKey === 'none' ? undefined : digesting(digestKey);
    await last;
    const stored = zstd.encodeLong(counting(chunks, counts, digest?.update), level.current());
    const whole = () => ({ ...counts, ...(digest && { digest: digestText(digest.end()) }) });
    await packs.frame(relation, { stored, rowFormat: format.rowFormat, counts: whole });
    return counts;
  }
}

async function* counting(
  chunks: AsyncIterable<Uint8Array>,
  counts: { bytes: number },
  visit: ((chunk: Uint8Array) => void) | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    counts.bytes += chunk.byteLength;
    visit?.(chunk);
    yield chunk;
  }
}
