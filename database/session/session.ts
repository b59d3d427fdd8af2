import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type ClientConfig, type Submittable } from 'pg';
import { interruptedError, throwIfInterrupted } from '../../async/abort.ts';
import type { BlockArena } from '../copy-wire/block-arena.ts';
import type { Receiver } from '../copy-wire/receiver.ts';
import { receivingClient } from '../copy-wire/receiving-client.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { sendCancel } from './cancel.ts';
import { databaseError } from './database-error.ts';
import { findPassword } from './password-file.ts';
import { backendKeyOf, connectionOf } from './pg-internals.ts';

/** One connection to one database, with the settings that make the same rows give the same bytes. */
export interface Session {
  readonly target: ConnectionTarget;
  /** Process id of the server's backend, as in pg_stat_activity. */
  readonly pid: number;
  /**
   * Runs one statement and returns its rows.
   * @throws StowageError `database/unreachable`, `database/denied`, `database/locked`, `database/failed`.
   */
  query<Row extends object = Record<string, unknown>>(
    sql: string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
  /** Runs one statement and returns the number of rows in its command tag, e.g. 200 of `COPY 200`; `doing` names it in errors. @throws as `query`. */
  run(sql: string, doing: string): Promise<number>;
  /** Hands a statement with its own protocol (COPY) to the connection. */
  submit(statement: Submittable): void;
  /** Takes the rows of COPY TO STDOUT; only in a session that was opened with `receive`. */
  readonly receiver: Receiver | undefined;
  /** Rejects when the connection breaks while it is open, also between statements. Never resolves; may be ignored. */
  readonly lost: Promise<never>;
  /** Asks the server to cancel the statement that runs now. Best effort, bounded in time, never throws. */
  cancel(): Promise<void>;
  /** Ends the connection, politely first, bounded in time. Never throws; safe to call twice. */
  close(): Promise<void>;
  /** Cancels and cuts, for a connection in the middle of a COPY: no backend is left behind. Never throws. */
  destroy(): Promise<void>;
}

type SessionPurpose = 'barrier' | 'holder' | 'backup' | 'restore' | 'probe';

export interface SessionOptions {
  readonly purpose: SessionPurpose;
  /** Shown in pg_stat_activity, e.g. `stowage backup 20261122190000 content 3 worker 1`; the server cuts it at 63 bytes. */
  readonly applicationName: string;
  /** Refuses every write in this session; the default for all purposes but `restore` and `barrier` (which locks). */
  readonly readOnly?: boolean;
  /** Where rows are received into; for sessions that COPY TO STDOUT. Waits while all its connections are taken. */
  readonly receive?: BlockArena | undefined;
  readonly signal?: AbortSignal | undefined;
}

const CONNECT_MS_MAX = 10_000;
const CLOSE_MS_MAX = 3_000;

/**
 * What pg_dump sets, for its reasons. client_encoding stays UTF8, which is what node-postgres speaks and what names in
 * statements need; COPY gives and takes the database's own encoding by its ENCODING option instead.
 */
const SETTINGS = [
  "SET DateStyle = 'ISO'",
  "SET IntervalStyle = 'postgres'",
  'SET extra_float_digits = 3',
  'SET statement_timeout = 0',
  'SET lock_timeout = 0',
  // Everything we name is qualified; nobody can put a function of his in our way.
  "SELECT pg_catalog.set_config('search_path', '', false)",
  'SET standard_conforming_strings = on',
  'SET synchronize_seqscans = off',
];

/** Not every version knows these. Without row security an error instead of a backup that silently lacks what a policy hides. */
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
    // Without this listener a connection that breaks while idle would end the process.
    client.on('error', (error) => {
      loss ??= error;
      if (!closing) reject(databaseError(error, target, 'keep the connection'));
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
        throw databaseError(
          loss ?? error,
          target,
          doing ?? `run "${sql.slice(0, 120).replaceAll(/\s+/g, ' ')}"`,
        );
      }
    };
    // One after the other: two callers may share a session, and a connection does one thing at a time.
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
  options.signal?.addEventListener('abort', cut, { once: true });
  try {
    await client.connect().catch((error: unknown) => {
      throw databaseError(error, session.target, 'connect');
    });
    const readOnly =
      options.readOnly ?? (options.purpose !== 'restore' && options.purpose !== 'barrier');
    await session.query(
      [
        ...SETTINGS,
        SETTINGS_WHERE_KNOWN,
        ...(readOnly ? ['SET default_transaction_read_only = on'] : []),
      ].join('; '),
    );
  } catch (error) {
    cut();
    throw options.signal?.aborted === true ? interruptedError(options.signal) : error;
  } finally {
    options.signal?.removeEventListener('abort', cut);
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
    // A function, because node-postgres would otherwise look for a password by ways it has deprecated.
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

/** Waits for a promise, but no longer than this. */
async function within(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  const patience = new AbortController();
  const limit = sleep(milliseconds, undefined, { signal: patience.signal, ref: false }).catch(
    () => {},
  );
  await Promise.race([promise.catch(() => {}), limit]);
  patience.abort();
}
