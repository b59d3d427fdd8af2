import { once } from 'node:events';
import { rm, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { asStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { printable } from '../output/format.ts';

/** One call of gpbackup, as stowage-gpbackup-plugin passes it on. */
export interface Call {
  readonly name: string;
  /** A path, or the timestamp of `delete_backup`. */
  readonly path: string;
  readonly scope: string;
  readonly offsets: string;
  readonly body: AsyncIterable<Uint8Array>;
}

/** What a call answers: nothing, or bytes for standard output. */
export type Answer = AsyncIterable<Uint8Array> | undefined;

export interface Listening {
  readonly socket: string;
  /** Calls with another configuration are rejected. */
  readonly config: string;
  readonly idleMs: number;
  readonly answer: (call: Call, signal: AbortSignal) => Promise<Answer>;
  /** True: ends after the running calls. */
  readonly isDone: () => boolean;
}

/** Reasons that calls have not asked for. */
const REASONS_MAX = 1_000;

/**
 * Answers calls over a Unix socket until it is done, or until no call has come for a while. Only
 * this user can reach the socket.
 * @throws StowageError `config/invalid`; `serve/listen` when another process answers there.
 */
export async function listen(options: Listening, signal: AbortSignal): Promise<void> {
  const { socket, idleMs, isDone } = options;
  await claimSocket(socket);
  const reasons = new Map<string, string>();
  const stop = new AbortController();
  let running = 0;
  // One timer, which runs only while no call does: a call can take hours.
  let ending: NodeJS.Timeout | undefined;
  const endIn = (ms: number) => {
    clearTimeout(ending);
    ending = running > 0 ? undefined : setTimeout(() => stop.abort(), ms);
  };
  endIn(idleMs);
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    const id = textOf(request, 'x-call');
    if (request.url === '/ping') return void response.end('ok');
    if (request.url === '/why') return void response.end(reasons.get(id) ?? '');
    let hasFailed = false;
    running += 1;
    clearTimeout(ending);
    reasons.delete(id);
    void reply(options, request, response)
      .catch((error: unknown) => {
        const { code, message } = asStowageError(error);
        if (reasons.size >= REASONS_MAX) reasons.clear();
        reasons.set(id, printable(`${message} (${code})`));
        refuse(request, response);
        hasFailed = true;
      })
      .finally(() => {
        running -= 1;
        // A client whose call has failed asks why.
        endIn(isDone() ? (hasFailed ? LAST_ANSWER_MS : 0) : idleMs);
      });
  });
  server.listen(socket);
  await once(server, 'listening');
  const { ino } = await stat(socket);
  signal.addEventListener('abort', () => stop.abort(), { once: true });
  if (!stop.signal.aborted) await once(stop.signal, 'abort');
  clearTimeout(ending);
  // Another process may have taken its place.
  const isOwn = (await stat(socket).catch(() => undefined))?.ino === ino;
  if (isOwn) await rm(socket, { force: true });
  // Of the client that has started this process.
  if (isOwn) await removeEmpty(`${socket}.log`);
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}

const LAST_ANSWER_MS = 1_000;

async function reply(
  { config, answer }: Listening,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const ended = new AbortController();
  response.on('close', () => ended.abort());
  const given = textOf(request, 'x-config');
  if (given !== config)
    throw new StowageError(
      'config/invalid',
      `${given}: a plugin configuration of the same name is in use on this host, ${config}. Give one of them another name`,
    );
  const call = {
    name: request.url?.slice(1) ?? '',
    path: textOf(request, 'x-path'),
    scope: textOf(request, 'x-scope'),
    offsets: textOf(request, 'x-offsets'),
    body: request,
  };
  const bytes = await answer(call, ended.signal);
  if (bytes === undefined) return void response.end();
  await pipeline(Readable.from(bytes), response);
}

/** Before the first byte with a status; after it, the broken stream is the answer. */
function refuse(request: IncomingMessage, response: ServerResponse): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(500, { connection: 'close' }).end(() => request.destroy());
}

const textOf = ({ headers }: IncomingMessage, name: string) =>
  Buffer.from(String(headers[name] ?? ''), 'latin1').toString('utf8');

async function removeEmpty(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found?.size === 0) await rm(file, { force: true });
}

/** Removes a socket that a killed process has left. */
async function claimSocket(socket: string): Promise<void> {
  const folder = dirname(socket);
  const { mode, uid } = await stat(folder);
  if ((mode & 0o077) !== 0 || uid !== process.getuid?.())
    throw new StowageError(
      'config/invalid',
      `${folder} must belong to this user and have mode 0700: the rows of all tables pass through it`,
    );
  const probe = connect(socket);
  const answered = await once(probe, 'connect').then(
    () => true,
    () => false,
  );
  probe.destroy();
  if (answered)
    throw new StowageError('serve/listen', `another process answers at ${socket} already`);
  await rm(socket, { force: true });
}
