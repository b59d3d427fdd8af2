import {
  Agent,
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** A fault to inject. `afterBytes` counts bytes of the response body. */
type Fault =
  /**
   * No fault: only calls `onFault`, after the server has answered and before the client learns it.
   */
  | { readonly kind: 'none' }
  /** 503 SlowDown; the server never sees the request. */
  | { readonly kind: 'slow-down' }
  /** 500 InternalError; the server never sees the request. */
  | { readonly kind: 'server-error' }
  /** The server never sees the request, and the client gets no response. */
  | { readonly kind: 'stall-request' }
  /** The server gets half of the request's body, then both connections are reset. */
  | { readonly kind: 'cut-request' }
  /** The request is forwarded late. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The connection is reset before the server sees the request. */
  | { readonly kind: 'reset-request' }
  /** The server executes the request; the client gets a reset instead of the response. */
  | { readonly kind: 'drop-response' }
  | { readonly kind: 'reset-body'; readonly afterBytes: number }
  /** The body stops; the connection stays open. */
  | { readonly kind: 'stall-body'; readonly afterBytes: number };

export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

export interface FaultyProxy {
  readonly endpoint: string;
  /** Every request the proxy received, in order, also those that it failed. */
  readonly seen: SeenRequest[];
  /** How many connections clients have opened to the proxy. */
  connections(): number;
  /**
   * Fails the next `times` requests for which `when` is true. Several faults may be planned: a
   * request gets the first that matches.
   */
  injectFault(
    what: Fault,
    options?: { times?: number; when?: (seen: SeenRequest) => boolean; onFault?: () => void },
  ): void;
  /** Clears the recorded requests and the planned faults. */
  reset(): void;
  /** Closes every connection of clients, also those of stalled requests. */
  dropConnections(): void;
  stop(): Promise<void>;
}

interface PlannedFault {
  readonly what: Fault;
  readonly when: (seen: SeenRequest) => boolean;
  readonly onFault: () => void;
  timesLeft: number;
}

/**
 * A real HTTP proxy in front of a real server. It forwards requests unchanged, with their Host
 * header: clients sign for the proxy's address, and the server checks signatures by that header.
 */
export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const planned: PlannedFault[] = [];
  const seen: SeenRequest[] = [];
  const agent = new Agent({ keepAlive: true });
  let connections = 0;
  // A slow machine may leave a connection idle for long; the proxy must not close it then.
  const server = createServer({ keepAliveTimeout: 60_000 }, (from, to) => {
    const now: SeenRequest = {
      method: from.method ?? '',
      url: from.url ?? '',
      headers: from.headers,
    };
    seen.push(now);
    const fault = planned.find(({ timesLeft, when }) => timesLeft > 0 && when(now));
    if (fault !== undefined) fault.timesLeft -= 1;
    serve({ target, agent, from, to, fault });
  });
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    connections: () => connections,
    injectFault(what, { times = 1, when = () => true, onFault = () => undefined } = {}) {
      planned.push({ what, when, onFault, timesLeft: times });
    },
    reset() {
      planned.length = 0;
      seen.length = 0;
      connections = 0;
    },
    dropConnections: () => server.closeAllConnections(),
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
  readonly fault: PlannedFault | undefined;
}

function serve({ target, agent, from, to, fault }: Exchange): void {
  const kind = fault?.what.kind;
  if (kind === 'slow-down' || kind === 'server-error') {
    fault?.onFault();
    answerWithError(from, to, kind);
    return;
  }
  if (kind === 'stall-request') {
    from.resume();
    fault?.onFault();
    return;
  }
  if (kind === 'reset-request') {
    fault?.onFault();
    from.socket.resetAndDestroy();
    return;
  }
  if (fault?.what.kind === 'delay') {
    fault.onFault();
    setTimeout(() => serve({ target, agent, from, to, fault: undefined }), fault.what.ms);
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
        fault?.onFault();
        from.socket.resetAndDestroy();
      });
      return;
    }
    if (kind === 'none') fault?.onFault();
    to.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    to.flushHeaders();
    forwardBody(answer, to, fault);
  });
  onward.on('error', () => from.socket.resetAndDestroy());
  // A client that disconnects also disconnects from the server: no half request is completed.
  from.on('error', () => onward.destroy());
  to.on('close', () => to.writableFinished || onward.destroy());
  if (kind === 'cut-request') {
    cutBody(from, onward);
    fault?.onFault();
  } else from.pipe(onward);
}

/** Forwards half of the body; a request without a body is reset before it is complete. */
function cutBody(from: IncomingMessage, onward: ClientRequest): void {
  const half = Math.floor(Number(from.headers['content-length'] ?? 0) / 2);
  let bytes = 0;
  const cut = () => {
    from.socket.resetAndDestroy();
    onward.destroy();
  };
  from.on('data', (chunk: Buffer) => {
    onward.write(chunk.subarray(0, Math.max(0, half - bytes)));
    bytes += chunk.length;
    if (bytes >= half) cut();
  });
  from.on('end', cut);
}

function forwardBody(
  answer: IncomingMessage,
  to: ServerResponse,
  fault: PlannedFault | undefined,
): void {
  const limit =
    fault !== undefined && 'afterBytes' in fault.what ? fault.what.afterBytes : undefined;
  if (limit === undefined) {
    answer.on('error', () => to.destroy());
    answer.pipe(to);
    return;
  }
  let bytes = 0;
  const act = () => {
    answer.pause().removeAllListeners('data');
    fault?.onFault();
    if (fault?.what.kind === 'reset-body') setTimeout(() => to.socket?.resetAndDestroy(), 20);
  };
  answer.on('error', () => to.destroy());
  // A body shorter than the limit is forwarded whole.
  answer.on('end', () => to.end());
  answer.on('data', (chunk: Buffer) => {
    const piece = chunk.subarray(0, limit - bytes);
    bytes += piece.length;
    if (piece.length > 0) to.write(piece);
    if (bytes >= limit) act();
  });
}

const ERROR_ANSWERS = {
  'slow-down': [503, 'SlowDown', 'Please reduce your rate.'],
  'server-error': [500, 'InternalError', 'We encountered an internal error.'],
} as const;

function answerWithError(
  from: IncomingMessage,
  to: ServerResponse,
  kind: keyof typeof ERROR_ANSWERS,
): void {
  const [status, code, message] = ERROR_ANSWERS[kind];
  from.resume().on('end', () => {
    to.writeHead(status, { 'content-type': 'application/xml' });
    to.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`);
  });
}
