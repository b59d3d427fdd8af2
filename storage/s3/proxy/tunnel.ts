import { type ClientRequest, request } from 'node:http';
import { Agent, type AgentOptions, request as requestSecure } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { type Environment, type HttpProxy, proxyFor } from './proxy-for.ts';

const CONNECT_MS_MAX = 10_000;

type Connected = (error: Error | null, socket?: Duplex) => void;

/**
 * The pool of connections to HTTPS servers, directly or through the proxies of the environment. A
 * tunnel stays open between requests as other connections do.
 *
 * Node's own `proxyEnv` needs 24.5, and its NO_PROXY has neither the names below a name nor ranges.
 * Of the packages, https-proxy-agent passes the proxy's refusal on as if it were the server's
 * answer, and hpagent has one proxy for all targets.
 */
export class TunnelAgent extends Agent {
  readonly #env: Environment;
  readonly #ca: string | undefined;

  constructor(options: AgentOptions & { readonly ca?: string | undefined }, env: Environment) {
    super(options);
    this.#env = env;
    this.#ca = options.ca;
  }

  // Node calls it with an object and a callback, and takes a socket from either.
  override createConnection(
    options: ConnectionOptions,
    done: Connected,
  ): ReturnType<Agent['createConnection']> {
    const { host = 'localhost', port = 443 } = options;
    let proxy: HttpProxy | undefined;
    try {
      proxy = proxyFor(this.#env, { protocol: 'https:', host, port });
    } catch (error) {
      process.nextTick(done, error);
      return undefined;
    }
    // A request that goes to the proxy itself (`forward.ts`).
    const isToProxy = proxy?.host === host && proxy.port === port;
    if (proxy === undefined || isToProxy) return super.createConnection(options, done);
    openTunnel(proxy, `${host}:${port}`, this.#ca).then(
      (socket) => {
        const throughIt: ConnectionOptions = { ...options, socket };
        done(null, super.createConnection(throughIt) ?? undefined);
      },
      (error: unknown) => done(error as Error),
    );
    return undefined;
  }
}

/** CONNECT, as RFC 9110 describes it. */
function openTunnel(proxy: HttpProxy, target: string, ca: string | undefined): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const asking = connect(proxy, target, ca);
  asking.setTimeout(CONNECT_MS_MAX, () => asking.destroy(new Error('no answer to CONNECT')));
  asking.on('connect', ({ statusCode = 0, statusMessage = '' }, socket: Socket) => {
    if (statusCode === 200) {
      socket.setTimeout(0);
      resolve(socket);
      return;
    }
    socket.destroy();
    reject(refusedBy(proxy, statusCode, `a connection to ${target}`, statusMessage));
  });
  // A proxy that answers CONNECT like any other request.
  asking.on('response', (response) => {
    response.destroy();
    reject(refusedBy(proxy, response.statusCode ?? 0, `a connection to ${target}`));
  });
  asking.on('error', (error: NodeJS.ErrnoException) => {
    reject(notReached(proxy, error));
  });
  asking.end();
  return promise;
}

function connect(
  { protocol, host, port, authorization }: HttpProxy,
  target: string,
  ca: string | undefined,
): ClientRequest {
  const headers = {
    host: target,
    ...(authorization && { 'proxy-authorization': authorization }),
  };
  const options = { host, port, method: 'CONNECT', path: target, headers, agent: false } as const;
  return protocol === 'https:' ? requestSecure({ ...options, ca }) : request(options);
}

/** How messages name a proxy: its URL may have a password. */
export const nameOf = ({ host, port }: HttpProxy): string =>
  `proxy ${host.includes(':') ? `[${host}]` : host}:${port}`;

export const notReached = (proxy: HttpProxy, error: Error): Error =>
  temporary(new Error(`the ${nameOf(proxy)} is not reached: ${error.message}`, { cause: error }));

/** A 5xx of a proxy is tried again: it may not have reached the server just now. */
export function refusedBy(proxy: HttpProxy, status: number, what: string, reason = ''): Error {
  const words = `HTTP ${status}${reason === '' ? '' : ` ${reason}`}`;
  const advice =
    status === 407 || status === 401 ? '; give user and password in the URL of the variable' : '';
  const error = new Error(`the ${nameOf(proxy)} refuses ${what} (${words})${advice}`);
  return status >= 500 ? temporary(error) : error;
}

/** The SDK's mark for errors to retry. */
const temporary = (error: Error): Error => Object.assign(error, { $retryable: {} });
