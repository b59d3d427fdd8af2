import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';
import { onTestFinished } from 'vitest';
import type { Certificate } from '../../support/servers/certificates.ts';

export interface ReceivedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An HTTP receiver. `answer` gives the status of the nth request. */
export async function webhookReceiver(answer: (nth: number) => number = () => 204) {
  const received: ReceivedRequest[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      received.push({ headers: request.headers, body });
      const status = answer(received.length);
      response.writeHead(status).end(status === 204 ? undefined : 'not now, s3cret');
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received };
}

/** An SMTP server that offers STARTTLS and wants user `stowage` with password `s3cret`. */
export async function mailReceiver({ cert, key }: Certificate, unknown: readonly string[] = []) {
  const mails: { to: string[]; content: string; secure: boolean }[] = [];
  const server = new SMTPServer({
    cert,
    key,
    onAuth({ username, password }, _, done) {
      if (username === 'stowage' && password === 's3cret') return done(null, { user: username });
      return done(new Error(`wrong password ${password}`));
    },
    onRcptTo: ({ address }, _, done) =>
      done(unknown.includes(address) ? new Error('no such user') : undefined),
    onData(stream, session, done) {
      void text(stream).then((content) => {
        const to = session.envelope.rcptTo.map(({ address }) => address);
        mails.push({ to, content, secure: session.secure });
        done();
      });
    },
  });
  // A client that ends the connection is no failure of the test.
  server.on('error', () => undefined);
  const listening = server.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { port: (listening.address() as AddressInfo).port, mails };
}
