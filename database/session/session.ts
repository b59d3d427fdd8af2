import { readFile } from 'node:fs/promises';
import { Client, type ClientConfig, type Submittable } from 'pg';
import { interruptedError, onAbort, throwIfInterrupted } from '../../async/abort.ts';
import { pause } from '../../async/poll.ts';
import type { BlockArena } from '../copy-wire/block-arena.ts';
import type { Receiver } from '../copy-wire/receiver.ts';
import { receivingClient } from '../copy-wire/receiving-client.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { sendCancel } from './cancel.ts';
import { databaseError } from './database-error.ts';
import { findPassword } from './password-file.ts';
import { backendKeyOf, connectionOf } from './pg-internals.ts';

/**
 * One connection to one database, with settings under which the same rows always give the same
 * bytes.
 */
export interface Session {
  readonly target: ConnectionTarget;
  /** Process id of the server's backend, as in pg_stat_activity. */
  readonly pid: number;
  /**
   * Runs one statement and returns its rows.
   * @throws StowageError `database/unreachable`, `database/denied`, `database/locked`,
   * `database/failed`.
   */
  query<Row extends object = Record<string, unknown>>(
    sql: string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
  /**
   * Runs several statements, separated by semicolons, in one round trip, and returns the rows of
   * each. @throws as `query`.
   */
  script(sql: string): Promise<Record<string, unknown>[][]>;
  /**
   * Runs one statement and returns the row count of its command tag, e.g. 200 for `COPY 200`.
   * Errors read `cannot ${doing} on PLACE`. @throws as `query`.
   */
  run(sql: string, doing: string): Promise<number>;
  /** Runs a statement with its own protocol (COPY). */
  submit(statement: Submittable): void;
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
   * throws.
   */
  destroy(): Promise<void>;
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
}

const CONNECT_MS_MAX = 10_000;
const CLOSE_MS_MAX = 3_000;
/** Longer than every watch on locks, which ends a wait before and names the sessions in the way. */
const LOCK_MS_MAX = 90_000;

/**
 * The settings of pg_dump, for the same reasons. client_encoding stays UTF8, which node-postgres
 * and
 * the names in statements need; COPY uses the database's encoding by its ENCODING option.
 */
const SETTINGS = [
  "SET DateStyle = 'ISO'",
  "SET IntervalStyle = 'postgres'",
  'SET extra_float_digits = 3',
  'SET statement_timeout = 0',
  // All our names are qualified. With an empty path no other user's function can be called.
  "SELECT pg_catalog.set_config('search_path', '', false)",
  'SET standard_conforming_strings = on',
  'SET synchronize_seqscans = off',
  // A role may have other defaults for these. They change what COPY text and SQL text mean.
  'SET array_nulls = on',
  'SET xmloption = content',
  "SET bytea_output = 'hex'",
  'SET quote_all_identifiers = off',
  'SET transform_null_equals = off',
  "SET default_transaction_isolation = 'read committed'",
];

/**
 * Settings that not every version has. With row_security off, a policy that hides rows is an error;
 * otherwise the backup would silently lack these rows.
 */
const SETTINGS_WHERE_KNOWN = `SELECT pg_catalog.set_config(name, value, false)
  FROM (VALUES ('idle_in_transaction_session_timeout', '0'), ('idle_session_timeout', '0'), ('transaction_timeout', '0'),
    ('row_security', 'off')) AS wanted(name, value)
  JOIN pg_catalog.pg_settings USING (name)`;

/** Connects and sets the session up. @throws StowageError as `Session.query`, or `interrupted`. */
export async function openSession(
  target: ConnectionTarget,
  options: SessionOptions,
): Promise<Session> {
  throwIfInterrupted(options.signal);
  const config = await clientConfig(target, options);
  const receiving =
    options.receive === undefined
      ? undefined
      : await receivingClient(config, options.receive, options.signal).catch((error: unknown) => {
          throw options.signal?.aborted === true ? interruptedError(options.signal) : error;
        });
  const client = receiving?.client ?? new Client(config);
  let closing = false;
  let busy: Promise<unknown> = Promise.resolve();
  let loss: Error | undefined;
  const lost = new Promise<never>((_, reject) => {
    // Without this listener, the error of a connection that breaks while idle would end the
    // process.
    client.on('error', (error) => {
      loss ??= error;
      if (!closing)
        reject(databaseError(error, target, (place) => `the connection to ${place} was closed`));
    });
  });
  lost.catch(() => {});
  const gone = new Promise<void>((resolve) => client.once('end', () => resolve()));
  const cut = () => connectionOf(client).stream.destroy();
  const ask = <Row extends object>(sql: string, values?: readonly unknown[], doing?: string) => {
    const run = async () => {
      try {
        return await client.query<Row>(sql, values === undefined ? undefined : [...values]);
      } catch (error) {
        const what = doing ?? `run "${sql.slice(0, 120).replaceAll(/\s+/g, ' ')}"`;
        throw databaseError(loss ?? error, target, (place) => `cannot ${what} on ${place}`);
      }
    };
    // Two callers may share a session, and a connection runs one statement at a time.
    const result = busy.then(run);
    busy = result.catch(() => {});
    return result;
  };
  const session: Session = {
    target,
    lost,
    get pid() {
      return backendKeyOf(client).pid;
    },
    query: async <Row extends object>(sql: string, values?: readonly unknown[]) =>
      (await ask<Row>(sql, values)).rows,
    script: async (sql) => {
      const results: unknown = await ask(sql);
      const each = (Array.isArray(results) ? results : [results]) as { rows: [] }[];
      return each.map(({ rows }) => rows);
    },
    run: async (sql, doing) => (await ask(sql, undefined, doing)).rowCount ?? Number.NaN,
    submit: (statement) => {
      client.query(statement);
    },
    get receiver() {
      return receiving?.receiver;
    },
    cancel: () => sendCancel(target, backendKeyOf(client)),
    close: async () => {
      if (!closing) {
        closing = true;
        client.end().catch(() => {});
      }
      await within(CLOSE_MS_MAX, gone);
      cut();
    },
    destroy: async () => {
      const first = !closing;
      closing = true;
      if (first) await sendCancel(target, backendKeyOf(client));
      cut();
    },
  };
  await connect(client, session, options);
  return session;
}

async function connect(client: Client, session: Session, options: SessionOptions): Promise<void> {
  const cut = () => connectionOf(client).stream.destroy(new Error('interrupted'));
  using _ = onAbort(options.signal, cut);
  try {
    await client.connect().catch((error: unknown) => {
      throw databaseError(error, session.target, (place) => `cannot connect to ${place}`);
    });
    const readOnly =
      options.readOnly ?? (options.purpose !== 'restore' && options.purpose !== 'barrier');
    await session.query(
      [
        ...SETTINGS,
        `SET lock_timeout = ${Math.ceil(options.lockTimeoutMs ?? LOCK_MS_MAX)}`,
        SETTINGS_WHERE_KNOWN,
        ...(readOnly ? ['SET default_transaction_read_only = on'] : []),
      ].join('; '),
    );
  } catch (error) {
    cut();
    throw options.signal?.aborted === true ? interruptedError(options.signal) : error;
  }
}

async function clientConfig(
  target: ConnectionTarget,
  options: SessionOptions,
): Promise<ClientConfig> {
  return {
    host: target.host,
    port: target.port,
    user: target.user,
    database: target.database,
    // A function, because node-postgres would otherwise search for a password in deprecated ways.
    password: async () => (await findPassword(target)) ?? '',
    application_name: options.applicationName,
    ...(target.options === undefined ? {} : { options: target.options }),
    connectionTimeoutMillis: CONNECT_MS_MAX,
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
    ssl: await tls(target),
  };
}

async function tls(target: ConnectionTarget): Promise<NonNullable<ClientConfig['ssl']>> {
  if (target.sslmode === undefined || target.sslmode === 'disable') return false;
  const ca =
    target.sslrootcert === undefined ? {} : { ca: await readFile(target.sslrootcert, 'utf8') };
  switch (target.sslmode) {
    case 'require':
      return { ...ca, rejectUnauthorized: false };
    case 'verify-ca':
      return { ...ca, checkServerIdentity: () => undefined };
    case 'verify-full':
      return ca;
  }
}

/** Waits until the promise has settled, at most this long. */
async function within(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  const ended = new AbortController();
  await Promise.race([promise.catch(() => {}), pause(milliseconds, ended.signal)]);
  ended.abort();
}
