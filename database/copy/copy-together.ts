import type { Connection, Submittable } from 'pg';
import { onAbort, throwIfInterrupted } from '../../async/abort.ts';
import { databaseError } from '../session/database-error.ts';
import type { CopyingConnection, QueryHandlers } from '../session/pg-internals.ts';
import type { Session } from '../session/session.ts';
import { copyInStatement } from './copy-in.ts';
import type { CopyOptions, CopyRelation } from './copy-out.ts';

export interface RowsToCopy {
  readonly relation: Pick<CopyRelation, 'schema' | 'name' | 'columns'>;
  readonly rows: readonly Uint8Array[];
}

/**
 * Loads the rows of several small relations in one round trip, inside the caller's transaction, and
 * returns how many rows the server counted of each. All statements are one query, and the rows
 * follow without a wait: each COPY reads its own up to their end, and after an error the server
 * ignores the rest. The rows of all relations together must fit into memory.
 * @throws StowageError as `Session.query`; `interrupted`. No relation has its rows then.
 */
export async function copyInTogether(
  session: Session,
  loads: readonly RowsToCopy[],
  { signal, encoding }: CopyOptions,
): Promise<number[]> {
  throwIfInterrupted(signal);
  using _ = onAbort(signal, () => void session.destroy());
  const names = loads.map(({ relation: { schema, name } }) => `${schema}.${name}`);
  const doing = () => `COPY into ${names.length} tables from ${names[0] ?? ''} on`;
  const { promise, resolve, reject } = Promise.withResolvers<number[]>();
  session.submit(copies(loads, encoding, resolve, reject), { doing });
  try {
    return await promise;
  } catch (error) {
    throwIfInterrupted(signal);
    throw databaseError(
      error,
      session.target,
      (place) => `cannot load the rows of ${names[0] ?? ''} and others on ${place}`,
    );
  }
}

/** A query in the form in which node-postgres passes the messages of the server on. */
function copies(
  loads: readonly RowsToCopy[],
  encoding: string,
  resolve: (counts: number[]) => void,
  reject: (error: unknown) => void,
): Submittable {
  const counts: number[] = [];
  const statement: Submittable & QueryHandlers & { handleCopyInResponse(): void } = {
    submit(connection: Connection) {
      const to = connection as unknown as CopyingConnection;
      to.stream.cork();
      to.query(loads.map(({ relation }) => copyInStatement(relation, encoding)).join(';\n'));
      for (const { rows } of loads) {
        for (const chunk of rows) to.sendCopyFromChunk(chunk);
        to.endCopyFrom();
      }
      to.stream.uncork();
    },
    handleCopyInResponse: () => undefined,
    handleRowDescription: () => undefined,
    handleDataRow: () => undefined,
    handlePortalSuspended: () => undefined,
    handleEmptyQuery: () => undefined,
    handleCommandComplete({ text }) {
      counts.push(Number(/^COPY (\d+)$/.exec(text)?.[1] ?? Number.NaN));
    },
    handleReadyForQuery: () => resolve(counts),
    handleError: reject,
  };
  return statement;
}
