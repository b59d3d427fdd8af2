import type { RowBlock } from '../../../database/copy-wire/row-block.ts';

/**
 * The rows of several COPYs, block by block, whichever comes first: so all servers work at once.
 * A block has whole rows, and a row that is longer than a block is not interrupted by others.
 * @param open begins one COPY. At most `inFlight` are open. Its signal ends the COPY, also while
 * the server has no row for it yet.
 */
export async function* merged<Part>(
  parts: readonly Part[],
  inFlight: number,
  open: (part: Part, stopped: AbortSignal) => AsyncGenerator<RowBlock>,
): AsyncGenerator<Uint8Array> {
  const waiting = [...parts];
  const stop = new AbortController();
  const running = new Map<AsyncGenerator<RowBlock>, Promise<Taken>>();
  const ask = (copy: AsyncGenerator<RowBlock>) => {
    const next = copy.next().then((result): Taken => ({ copy, result }));
    // Another one may fail first.
    next.catch(() => undefined);
    running.set(copy, next);
  };
  try {
    for (;;) {
      while (running.size < inFlight && waiting.length > 0) {
        const part = waiting.shift();
        if (part !== undefined) ask(open(part, stop.signal));
      }
      if (running.size === 0) return;
      const { copy, result } = await Promise.race(running.values());
      if (result.done === true) {
        running.delete(copy);
        continue;
      }
      yield* rowsOf(result.value);
      ask(copy);
    }
  } finally {
    stop.abort();
    const ends = [...running.keys()].map((copy) => copy.return(undefined));
    await Promise.allSettled(ends);
  }
}

interface Taken {
  readonly copy: AsyncGenerator<RowBlock>;
  readonly result: IteratorResult<RowBlock>;
}

async function* rowsOf(block: RowBlock): AsyncGenerator<Uint8Array> {
  if (block.kind === 'long-row') {
    yield* block.chunks;
    return;
  }
  try {
    yield block.rows;
  } finally {
    block.release();
  }
}
