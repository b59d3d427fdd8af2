import type { S3Client } from '@aws-sdk/client-s3';
import { type Environment, proxyFor } from './proxy-for.ts';
import { notReached, refusedBy } from './tunnel.ts';

interface HttpRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly headers: Record<string, string>;
}

interface HttpAnswer {
  readonly statusCode: number;
  readonly body?: { destroy(): void };
}

/**
 * Sends requests to `http://` servers through the proxy of the environment, as a proxy expects
 * them: with the whole URL. HTTPS goes through tunnels (`tunnel.ts`).
 */
export function forwardThroughProxy(client: S3Client, env: Environment): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const sent = args.request as HttpRequest & { clone(): HttpRequest };
      const { protocol, hostname: host, port = 80, path } = sent;
      const proxy = protocol === 'http:' ? proxyFor(env, { protocol, host, port }) : undefined;
      if (proxy === undefined) return next(args);
      const { authorization } = proxy;
      const request = Object.assign(sent.clone(), {
        protocol: proxy.protocol,
        hostname: proxy.host,
        port: proxy.port,
        path: `http://${host}:${port}${path}`,
        headers: {
          ...sent.headers,
          ...(authorization && { 'proxy-authorization': authorization }),
        },
      });
      const result = await next({ ...args, request }).catch((error: unknown) => {
        throw failedToConnect(error) ? notReached(proxy, error) : error;
      });
      const { statusCode, body } = result.response as HttpAnswer;
      if (statusCode !== 407) return result;
      body?.destroy();
      throw refusedBy(proxy, statusCode, `a request to ${host}:${port}`);
    },
    // After the signature, which is for the server's own name and path.
    { step: 'deserialize', name: 'forwardThroughProxy', priority: 'low' },
  );
}

/** The connection to the proxy was never made, or its name is unknown. */
function failedToConnect(error: unknown): error is NodeJS.ErrnoException {
  const { syscall } = error as NodeJS.ErrnoException;
  return error instanceof Error && (syscall === 'connect' || syscall === 'getaddrinfo');
}
