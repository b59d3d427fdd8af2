import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

export interface ConnectProxyOptions {
  /** Names that this proxy alone resolves: name → port on this host. */
  readonly names: ReadonlyMap<string, number>;
  /** `user:password` that clients must present. */
  readonly password?: string;
}

/** A proxy for HTTP and, by CONNECT, for HTTPS. */
export interface ConnectProxy {
  readonly port: number;
  /** `CONNECT host:port` or `GET http://host:port/…`, in order. */
  readonly seen: string[];
  stop(): Promise<void>;
}

export async function startConnectProxy({
  names,
  password,
}: ConnectProxyOptions): Promise<ConnectProxy> {
  const seen: string[] = [];
  const expected =
    password === undefined ? undefined : `Basic ${Buffer.from(password).toString('base64')}`;
  const isAllowed = ({ headers }: IncomingMessage) =>
    expected === undefined || headers['proxy-authorization'] === expected;
  const server = createServer((from, to) => {
    seen.push(`${from.method} ${from.url}`);
    const url = new URL(from.url ?? '');
    const port = names.get(url.hostname);
    if (!isAllowed(from)) to.writeHead(407).end();
    else if (port === undefined) to.writeHead(502).end();
    else {
      const { method, headers } = from;
      const path = url.pathname + url.search;
      const onward = request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
        to.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(to);
      });
      onward.on('error', () => to.destroy());
      from.pipe(onward);
    }
  });
  server.on('connect', (from, client) => {
    seen.push(`CONNECT ${from.url}`);
    const port = names.get(from.url?.split(':')[0] ?? '');
    client.on('error', () => undefined);
    if (port === undefined || !isAllowed(from)) {
      const status = port === undefined ? '502 Bad Gateway' : '407 Proxy Authentication Required';
      client.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const onward = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(client).pipe(onward);
    });
    onward.on('error', () => client.destroy());
    client.on('close', () => onward.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
