import { Client, type ClientConfig } from 'pg';
import { interruptedError, onAbort, throwIfInterrupted } from '../../async/abort.ts';
import { pause } from '../../async/poll.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { receivingClient } from '../copy-wire/receiving-client.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { type WatchedSession, watchSession } from '../liveness/session-watch.ts';
import { sendCancel } from './cancel.ts';
import { databaseError } from './database-error.ts';
import { hearsLog, nameSegmentsOf } from './failover/segment-notice.ts';
import { throughFailover } from './failover/through-failover.ts';
import { type BackendFacts, backendFacts, requireOwnBackend } from './own-backend.ts';
import { findPassword, ignoredPasswordFile } from './password-file.ts';
import {
  backendKeyOf,
  bytesOn,
  bytesUnsent,
  connectionOf,
  isAnswering,
  versionHeardBy,
} from './pg-internals.ts';
import type { Session, SessionOptions, StatementTerms } from './session-types.ts';
import { settingsScript } from './settings.ts';
import { tlsFailure } from './tls/failures.ts';
import { type Encryption, openByMode } from './tls/ways.ts';
import { wireOf } from './tls/wire.ts';

export type { Session, SessionOptions } from './session-types.ts';

const CONNECT_MS_MAX = 10_000;
const CLOSE_MS_MAX = 3_000;
/** Longer than every watch on locks, which ends a wait before and names the sessions in the way. */
const LOCK_MS_MAX = 90_000;

/** Connects and sets the session up. @throws StowageError as `Session.query`, or `interrupted`. */
export async function openSession(
  target: ConnectionTarget,
  options: SessionOptions,
): Promise<Session> {
  return openByMode(target, (encryption) => openBy(encryption, target, options));
}

async function openBy(
  encryption: Encryption,
  target: ConnectionTarget,
  options: SessionOptions,
): Promise<Session> {
  // At each attempt: a socket that was destroyed before it connects would connect all the same.
  throwIfInterrupted(options.signal);
  const config = clientConfig(target, options, encryption);
  const receiving =
    options.receive === undefined
      ? undefined
      : await receivingClient(config, options.receive, options.signal).catch((error: unknown) => {
          throw options.signal?.aborted === true ? interruptedError(options.signal) : error;
        });
  const client = receiving?.client ?? new Client(config);
  if (hearsLog(target, options)) nameSegmentsOf(client);
  const version = versionHeardBy(client);
  let closing = false;
  let busy: Promise<unknown> = Promise.resolve();
  let running: StatementTerms | undefined;
  let silentScopes = 0;
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
  const cut = (reason?: Error) => connectionOf(client).stream.destroy(reason);
  const ask = <Row extends object>(
    text: string,
    values?: readonly unknown[],
    doing?: string,
    name?: string,
  ) => {
    const start = text.slice(0, 120).replaceAll(/\s+/g, ' ');
    const run = async () => {
      running = { doing: () => doing ?? `"${start}"` };
      try {
        return await client.query<Row>({
          text,
          ...(values && { values: [...values] }),
          ...(name !== undefined && { name }),
        });
      } catch (error) {
        const what = doing ?? `run "${start}"`;
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
    get serverVersion() {
      return version();
    },
    get wire() {
      return wireOf(client);
    },
    query: async <Row extends object>(sql: string, values?: readonly unknown[], name?: string) =>
      (await ask<Row>(sql, values, undefined, name)).rows,
    script: async (sql) => {
      const results: unknown = await ask(sql);
      const each = (Array.isArray(results) ? results : [results]) as { rows: [] }[];
      return each.map(({ rows }) => rows);
    },
    describe: async (query) => {
      const { fields } = await ask(
        `SELECT * FROM (${query}\n) AS q LIMIT 0`,
        undefined,
        'run the query',
      );
      return fields.map(({ name, dataTypeID: type, dataTypeModifier: modifier }) => ({
        name,
        type,
        modifier,
      }));
    },
    run: async (sql, doing) => (await ask(sql, undefined, doing)).rowCount ?? Number.NaN,
    submit: (statement, terms) => {
      running = terms;
      client.query(statement);
    },
    mayBeSilent: () => {
      silentScopes += 1;
      return {
        [Symbol.dispose]: () => {
          silentScopes -= 1;
        },
      };
    },
    get receiver() {
      return receiving?.receiver;
    },
    cancel: () => sendCancel(target, backendKeyOf(client)),
    close: async () => {
      if (!closing) {
        closing = true;
        watch?.[Symbol.dispose]();
        client.end().catch(() => {});
      }
      await within(CLOSE_MS_MAX, gone);
      cut();
    },
    destroy: async (reason) => {
      const first = !closing;
      closing = true;
      watch?.[Symbol.dispose]();
      if (reason !== undefined) {
        loss ??= reason;
        cut(reason);
      }
      if (first) await sendCancel(target, backendKeyOf(client));
      cut();
    },
  };
  const watched: WatchedSession = {
    target,
    awaited: () => {
      if (!isAnswering(client) || running === undefined) return undefined;
      const isOurTurn = running.isOurTurn?.() === true && bytesUnsent(client) === 0;
      if (isOurTurn || receiving?.receiver?.isFull === true) return undefined;
      return { doing: running.doing(), mayBeSilent: silentScopes > 0 };
    },
    bytes: () => bytesOn(client),
    pid: () => session.pid,
    openProbe: (signal) => {
      const applicationName = `${options.applicationName.slice(0, 50)} probe`;
      return openSession(target, { purpose: 'probe', applicationName, signal, isUnwatched: true });
    },
    end: (error) => {
      loss ??= error;
      cut(error);
      void sendCancel(target, backendKeyOf(client));
    },
    note: (text) => options.onSilence?.(text),
  };
  const watch = options.isUnwatched === true ? undefined : watchSession(watched);
  void gone.then(() => watch?.[Symbol.dispose]());
  try {
    await connect(client, session, options);
  } catch (error) {
    watch?.[Symbol.dispose]();
    throw error;
  }
  return session;
}

async function connect(client: Client, session: Session, options: SessionOptions): Promise<void> {
  const cut = () => connectionOf(client).stream.destroy(new Error('interrupted'));
  using _ = onAbort(options.signal, cut);
  try {
    await client.connect().catch(async (error: unknown) => {
      throw tlsFailure(error, client, session.target) ?? (await notAdmitted(error, session.target));
    });
    const readOnly =
      options.readOnly ?? (options.purpose !== 'restore' && options.purpose !== 'barrier');
    const { serverVersion } = session;
    const lockTimeoutMs = options.lockTimeoutMs ?? LOCK_MS_MAX;
    const settings = settingsScript(readOnly, lockTimeoutMs, serverVersion);
    const log = hearsLog(session.target, options) ? '; SET client_min_messages = log' : '';
    // Greenplum's coordinator dispatches them, so this meets a segment that does not answer.
    await throughFailover(session, { ...options, open: openSession }, () =>
      session.run(settings + log, 'set up a session'),
    );
    const [facts] = await session.query<BackendFacts>(backendFacts(serverVersion));
    requireOwnBackend(session.target, session.pid, facts);
  } catch (error) {
    cut();
    throw options.signal?.aborted === true ? interruptedError(options.signal) : error;
  }
}

/** Says so when the server wants a password, and the file that has it is ignored. */
async function notAdmitted(error: unknown, target: ConnectionTarget): Promise<StowageError> {
  const plain = databaseError(error, target, (place) => `cannot connect to ${place}`);
  const ignored = plain.code === 'database/denied' ? await ignoredPasswordFile(target) : undefined;
  if (ignored === undefined) return plain;
  const { code, message, where } = plain;
  return new StowageError(code, `${message}; ${ignored}`, { cause: error, where });
}

function clientConfig(
  target: ConnectionTarget,
  options: SessionOptions,
  encryption: Encryption,
): ClientConfig {
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
    ssl: encryption,
  };
}

/** Waits until the promise has settled, at most this long. */
async function within(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  const ended = new AbortController();
  await Promise.race([promise.catch(() => {}), pause(milliseconds, ended.signal)]);
  ended.abort();
}
