import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { pause } from '../../../async/poll.ts';
import type { ObjectStore } from '../../../storage/store.ts';

/** Forwards notifications as badly as a queue may: late, repeated and out of order. */
export interface Relay {
  /** The address for the sender. */
  readonly url: string;
  counts(): { readonly received: number; readonly delivered: number };
  stop(): Promise<void>;
}

export interface RelayOptions {
  /** The receiver. */
  readonly to: string;
  /** How often each body is delivered. */
  readonly times: number;
  /** Each delivery waits a random time up to this, so that the order changes. */
  readonly delayMsMax: number;
}

const RETRY_PAUSE_MS = 100;

/** Answers 200 at once: a sender that waits or retries would restore the order. */
export async function startRelay({ to, times, delayMsMax }: RelayOptions): Promise<Relay> {
  const count = { received: 0, delivered: 0 };
  const stopping = new AbortController();
  const inDelivery = new Set<Promise<void>>();
  async function deliver(body: string): Promise<void> {
    await sleep(Math.random() * delayMsMax, undefined, { signal: stopping.signal });
    while (!(await isAccepted(to, body)))
      await sleep(RETRY_PAUSE_MS, undefined, { signal: stopping.signal });
    count.delivered += 1;
  }
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      response.end();
      count.received += 1;
      for (let time = 0; time < times; time += 1) {
        const delivery: Promise<void> = deliver(body)
          .catch(() => undefined)
          .finally(() => inDelivery.delete(delivery));
        inDelivery.add(delivery);
      }
    });
  });
  await listening(server);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts: () => ({ ...count }),
    async stop() {
      stopping.abort();
      await Promise.all(inDelivery);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** False when the receiver rejects the body: a queue then keeps it. */
async function isAccepted(to: string, body: string): Promise<boolean> {
  const answer = await fetch(to, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  await answer.arrayBuffer();
  return answer.ok;
}

/** For a store without events: posts an event, as S3 does, for every new object. */
export function announceNew(store: ObjectStore, to: string): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const known = new Set<string>();
  async function postNewKeys(): Promise<void> {
    for await (const { key } of store.list('')) {
      if (known.has(key)) continue;
      known.add(key);
      await fetch(to, { method: 'POST', body: JSON.stringify(eventOf(key)) });
    }
  }
  const ended = (async () => {
    while (!stopping.signal.aborted) {
      await postNewKeys();
      await pause(100, stopping.signal);
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

const eventOf = (key: string) => ({
  Records: [
    {
      eventVersion: '2.2',
      eventSource: 'ceph:s3',
      eventName: 'ObjectCreated:Put',
      s3: { bucket: { name: 'none' }, object: { key } },
    },
  ],
});

async function listening(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}
