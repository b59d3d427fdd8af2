import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What goes wrong. Bytes are counted in the body of the server's answer. */
type Trouble =
  /** Nothing: only `onTrouble` is called, when the server has answered and its answer is not passed on yet. */
  | { readonly kind: 'none' }
  /** 503 SlowDown; the server never sees the request. */
  | { readonly kind: 'slow-down' }
  /** The connection is reset before the server sees the request. */
  | { readonly kind: 'reset-request' }
  /** The server does its work; the connection is reset instead of its answer (the ambiguous write). */
  | { readonly kind: 'drop-response' }
  | { readonly kind: 'reset-body'; readonly afterBytes: number }
  /** The body stops and the connection stays. */
  | { readonly kind: 'stall-body'; readonly afterBytes: number };

export interface Seen {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

export interface FaultyProxy {
  readonly endpoint: string;
  /** Every request that came, in order, whatever became of it. */
  readonly seen: Seen[];
  /** How many connections have been opened to it. */
  connections(): number;
  /** Troubles the next `times` requests that `when` picks. Several may be waiting: the first that fits is used. */
  trouble(
    what: Trouble,
    options?: { times?: number; when?: (seen: Seen) => boolean; onTrouble?: () => void },
  ): void;
  /** Forgets what was seen and what troubles are left. */
  reset(): void;
  stop(): Promise<void>;
}

interface Waiting {
  readonly what: Trouble;
  readonly when: (seen: Seen) => boolean;
  readonly onTrouble: () => void;
  timesLeft: number;
}

/**
 * A real HTTP proxy in front of a real server. It passes requests on unchanged, also their Host header: signatures are
 * made for the proxy's address and the server checks them against the header.
 */
export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const waiting: Waiting[] = [];
  const seen: Seen[] = [];
  const agent = new Agent({ keepAlive: true });
  let connections = 0;
  // Nobody's connection ends because a slow machine let it rest.
  const server = createServer({ keepAliveTimeout: 60_000 }, (from, to) => {
    const now: Seen = { method: from.method ?? '', url: from.url ?? '', headers: from.headers };
    seen.push(now);
    const trouble = waiting.find(({ timesLeft, when }) => timesLeft > 0 && when(now));
    if (trouble !== undefined) trouble.timesLeft -= 1;
    serve({ target, agent, from, to, trouble });
  });
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    connections: () => connections,
    trouble(what, { times = 1, when = () => true, onTrouble = () => undefined } = {}) {
      waiting.push({ what, when, onTrouble, timesLeft: times });
    },
    reset() {
      waiting.length = 0;
      seen.length = 0;
      connections = 0;
    },
    async stop() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Exchange {
  readonly target: string;
  readonly agent: Agent;
  readonly from: IncomingMessage;
  readonly to: ServerResponse;
  readonly trouble: Waiting | undefined;
}

function serve({ target, agent, from, to, trouble }: Exchange): void {
  const kind = trouble?.what.kind;
  if (kind === 'slow-down') {
    slowDown(from, to);
    return;
  }
  if (kind === 'reset-request') {
    from.socket.resetAndDestroy();
    return;
  }
  const onward = request(`${target}${from.url}`, {
    agent,
    method: from.method ?? 'GET',
    headers: from.rawHeaders,
    setHost: false,
  });
  onward.on('response', (answer) => {
    if (kind === 'drop-response') {
      answer.resume().on('end', () => {
        trouble?.onTrouble();
        from.socket.resetAndDestroy();
      });
      return;
    }
    if (kind === 'none') trouble?.onTrouble();
    to.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    to.flushHeaders();
    passOn(answer, to, trouble);
  });
  onward.on('error', () => from.socket.resetAndDestroy());
  // Who hangs up on us hangs up on the server: half a request is never completed by the proxy.
  from.on('error', () => onward.destroy());
  to.on('close', () => to.writableFinished || onward.destroy());
  from.pipe(onward);
}

function passOn(answer: IncomingMessage, to: ServerResponse, trouble: Waiting | undefined): void {
  const limit =
    trouble !== undefined && 'afterBytes' in trouble.what ? trouble.what.afterBytes : undefined;
  if (limit === undefined) {
    answer.on('error', () => to.destroy());
    answer.pipe(to);
    return;
  }
  let bytes = 0;
  const act = () => {
    answer.pause().removeAllListeners('data');
    trouble?.onTrouble();
    if (trouble?.what.kind === 'reset-body') setTimeout(() => to.socket?.resetAndDestroy(), 20);
  };
  answer.on('error', () => to.destroy());
  answer.on('data', (chunk: Buffer) => {
    const piece = chunk.subarray(0, limit - bytes);
    bytes += piece.length;
    if (piece.length > 0) to.write(piece);
    if (bytes >= limit) act();
  });
}

function slowDown(from: IncomingMessage, to: ServerResponse): void {
  from.resume().on('end', () => {
    to.writeHead(503, { 'content-type': 'application/xml' });
    to.end(
      '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your rate.</Message></Error>',
    );
  });
}
