import type { Connection, Submittable } from 'pg';
import type { QueryHandlers } from '../session/pg-internals.ts';
import type { CopySink, Received } from './copy-sink.ts';
import type { Receiver } from './receiver.ts';

/** A query with one or more COPY TO STDOUT, which node-postgres runs, and its results. */
export interface CopyStatement extends Submittable {
  /**
   * The next block or end of a COPY. Undefined when the server is ready for the next query. Rejects
   * with the first error.
   */
  next(): Promise<Received | undefined>;
  /**
   * Releases everything; a pending `next` rejects with this error. Safe to call twice, and after
   * the end.
   */
  close(error: unknown): void;
}

export function copyStatement(text: string, receiver: Receiver): CopyStatement {
  // The sink is opened when the query is sent: rows before that are a protocol error.
  const asked = Promise.withResolvers<CopySink>();
  asked.promise.catch(() => {});
  let sink: CopySink | undefined;
  const nothing = () => {};
  const statement: CopyStatement & QueryHandlers = {
    submit: (connection: Connection) => {
      sink = receiver.openSink();
      asked.resolve(sink);
      connection.query(text);
    },
    handleRowDescription: nothing,
    handleDataRow: nothing,
    handlePortalSuspended: nothing,
    handleEmptyQuery: nothing,
    handleCommandComplete: (message) => {
      // Of client_encoding, around a COPY.
      if (message.text === 'SET') return;
      const rows = /^COPY (\d+)$/.exec(message.text)?.[1];
      if (rows === undefined)
        sink?.fail(new Error(`the server ended a COPY with "${message.text}"`));
      else sink?.copied(Number(rows));
    },
    handleError: (error) => {
      asked.reject(error);
      sink?.fail(error);
      receiver.closeSink();
    },
    handleReadyForQuery: () => {
      sink?.finish();
      receiver.closeSink();
    },
    next: async () => (await asked.promise).next(),
    close: (error) => {
      asked.reject(error);
      sink?.close(error);
    },
  };
  return statement;
}
