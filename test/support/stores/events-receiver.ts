import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A webhook that answers 200 and keeps the bodies. */
export interface EventsReceiver {
  readonly url: string;
  readonly bodies: readonly unknown[];
  stop(): Promise<void>;
}

export async function startEventsReceiver(): Promise<EventsReceiver> {
  const bodies: unknown[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      response.end();
      // A sender may ask first whether the receiver lives, with an empty body.
      if (text.startsWith('{') || text.startsWith('[')) bodies.push(JSON.parse(text));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    bodies,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
