import type { Connection, Submittable } from 'pg';
import type { QueryHandlers } from '../session/pg-internals.ts';
import type { CopySink, Received } from './copy-sink.ts';
import type { Receiver } from './receiver.ts';

/** One query of one COPY TO STDOUT or several, as node-postgres drives it, and what comes of it. */
export interface CopyStatement extends Submittable {
  /** The next block or end of a COPY. Undefined when the server is ready for the next query. Rejects with the first error. */
  next(): Promise<Received | undefined>;
  /** Lets go of everything; who waits for `next` gets this error. Safe to call twice, and after the end. */
  close(error: unknown): void;
}

export function copyStatement(text: string, receiver: Receiver): CopyStatement {
  // Only once the server is asked: until then rows would be nobody's.
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
      const rows = /^COPY (\d+)$/.exec(message.text)?.[1];
      if (rows === undefined) sink?.fail(new Error(`the server ended a COPY by "${message.text}"`));
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
