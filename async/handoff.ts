/** Bytes from one who writes to one who reads, a chunk at a time. */
export interface Handoff {
  /**
   * Waits until the reader has asked for what follows the chunk, so that its memory may then be used for something else.
   * Rejects with the reason of `fail`.
   */
  write(chunk: Uint8Array): Promise<void>;
  /** The reader's stream ends. */
  end(): void;
  /** The reader, and who writes or will, get this error; the first one counts. */
  fail(reason: unknown): void;
  /** For one reader; who leaves early fails the writer. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

interface Offered {
  readonly chunk: Uint8Array;
  readonly taken: () => void;
  readonly refused: (reason: unknown) => void;
}

export function handoff(): Handoff {
  let offered: Offered | undefined;
  let ended = false;
  let failure: { readonly reason: unknown } | undefined;
  let wake: () => void = () => undefined;
  const fail = (reason: unknown) => {
    failure ??= { reason };
    offered?.refused(failure.reason);
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
      if (!ended) fail(new Error('nobody reads any more'));
    }
  }
  return {
    write(chunk) {
      if (failure !== undefined) return Promise.reject(failure.reason as Error);
      return new Promise((resolve, reject) => {
        offered = { chunk, taken: resolve, refused: reject };
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
