import type { Submittable } from 'pg';
import type { StowageError } from '../../backup-set/base/errors.ts';
import type { BlockArena } from '../copy-wire/block-arena.ts';
import type { Receiver } from '../copy-wire/receiver.ts';
import type { ConnectionTarget } from '../flavour.ts';
import type { Wire } from './tls/wire.ts';

/**
 * One connection to one database, with settings under which the same rows always give the same
 * bytes.
 */
export interface Session {
  readonly target: ConnectionTarget;
  /** Process id of the server's backend, as in pg_stat_activity. */
  readonly pid: number;
  /** What the server said at the start: 9.4 (Greenplum 6), 15.8; undefined = nothing. */
  readonly serverVersion?: number | undefined;
  /** Whether the connection is encrypted, and whether it leaves this host. */
  readonly wire: Wire;
  /**
   * Runs one statement and returns its rows.
   * @throws StowageError `database/unreachable`, `database/denied`, `database/locked`,
   * `database/failed`.
   * @param name of the statement in this session, which plans it once: for a statement that runs
   * again, and takes longer to plan than to run.
   */
  query<Row extends object = Record<string, unknown>>(
    sql: string,
    values?: readonly unknown[],
    name?: string,
  ): Promise<Row[]>;
  /**
   * Runs several statements, separated by semicolons, in one round trip, and returns the rows of
   * each. @throws as `query`.
   */
  script(sql: string): Promise<Record<string, unknown>[][]>;
  /** The columns of the result of a query, which is not run. @throws as `query`. */
  describe(query: string): Promise<readonly ResultColumn[]>;
  /**
   * Runs one statement and returns the row count of its command tag, e.g. 200 for `COPY 200`.
   * Errors read `cannot ${doing} on PLACE`. @throws as `query`.
   */
  run(sql: string, doing: string): Promise<number>;
  /** Runs a statement with its own protocol (COPY). */
  submit(statement: Submittable, terms: StatementTerms): void;
  /**
   * Until it is disposed, a running statement may send nothing for as long as the server shows that
   * it runs: a count, an ANALYZE, a REFRESH. Other statements fail when they stall.
   */
  mayBeSilent(): Disposable;
  /**
   * Receives the rows of COPY TO STDOUT; undefined unless the session was opened with `receive`.
   */
  readonly receiver: Receiver | undefined;
  /**
   * Rejects when the open connection breaks, also between statements. Never resolves; may be
   * ignored.
   */
  readonly lost: Promise<never>;
  /**
   * Asks the server to cancel the running statement. Best effort, bounded in time, never throws.
   */
  cancel(): Promise<void>;
  /**
   * Ends the connection within a bounded time, by Terminate if possible. Never throws; safe to call
   * twice.
   */
  close(): Promise<void>;
  /**
   * Cancels the running statement and closes the socket, so that no backend stays behind. Never
   * throws. Statements that still run fail with `reason`, if there is one.
   */
  destroy(reason?: StowageError): Promise<void>;
}

/** A column of a result. */
export interface ResultColumn {
  readonly name: string;
  /** The oid of its type, and the modifier; -1: none. */
  readonly type: number;
  readonly modifier: number;
}

/** What the watch of a session must know about a statement with its own protocol. */
export interface StatementTerms {
  /** For messages: `COPY of public.t`. */
  readonly doing: () => string;
  /** True while the server waits for this client: its silence is then no fault. */
  readonly isOurTurn?: () => boolean;
}

type SessionPurpose = 'barrier' | 'holder' | 'backup' | 'restore' | 'probe';

export interface SessionOptions {
  readonly purpose: SessionPurpose;
  /**
   * Shown in pg_stat_activity, e.g. `stowage backup 20261122190000 content 3 worker 1`; the server
   * truncates it to 63 bytes.
   */
  readonly applicationName: string;
  /**
   * Rejects writes; the default for all purposes but `restore` and `barrier`, whose locks count as
   * writes.
   */
  readonly readOnly?: boolean;
  /**
   * The memory that rows are received into, for COPY TO STDOUT. Opening waits while it has no free
   * place.
   */
  readonly receive?: BlockArena | undefined;
  /** Longest wait of a statement for a lock; absent = 90 s. */
  readonly lockTimeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /**
   * Called when a silent statement is seen to run, or a lost segment is to be replaced, and the
   * session goes on waiting.
   */
  readonly onSilence?: ((note: string) => void) | undefined;
  /** The session of a watch: its caller bounds the time. */
  readonly isUnwatched?: true;
}
