/** Passes bytes from one writer to one reader, one chunk at a time. */
export interface Handoff {
  /**
   * Resolves when the reader asks for the next chunk: then the writer may reuse the memory of this
   * one. Rejects with the reason of `fail`. Do not call it again before it settles.
   */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends the stream of the reader. */
  end(): void;
  /** Fails the reader and all current and later writes. Only the first reason counts. */
  fail(reason: unknown): void;
  /** For one reader. If it stops early, writes fail. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

interface Offered {
  readonly chunk: Uint8Array;
  readonly taken: () => void;
  readonly rejected: (reason: unknown) => void;
}

export function handoff(): Handoff {
  let offered: Offered | undefined;
  let ended = false;
  let failure: { readonly reason: unknown } | undefined;
  let wake: () => void = () => undefined;
  const fail = (reason: unknown) => {
    failure ??= { reason };
    offered?.rejected(failure.reason);
    offered = undefined;
    wake();
  };
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        if (failure !== undefined) throw failure.reason;
        if (offered !== undefined) {
          const { chunk, taken } = offered;
          yield chunk;
          offered = undefined;
          taken();
        } else if (ended) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      if (!ended) fail(new Error('the reader stopped reading'));
    }
  }
  return {
    write(chunk) {
      if (failure !== undefined) return Promise.reject(failure.reason as Error);
      return new Promise((resolve, reject) => {
        offered = { chunk, taken: resolve, rejected: reject };
        wake();
      });
    },
    end() {
      ended = true;
      wake();
    },
    fail,
    chunks: chunks(),
  };
}
