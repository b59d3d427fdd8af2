import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { pause } from '../../../async/poll.ts';
import type { ObjectStore } from '../../../storage/store.ts';

/** Stands between who sends notifications and who receives them, and delivers as badly as a queue may. */
export interface Relay {
  /** Where the sender sends to. */
  readonly url: string;
  counts(): { readonly received: number; readonly delivered: number };
  stop(): Promise<void>;
}

export interface RelayOptions {
  /** The receiver. */
  readonly to: string;
  /** How often each body is delivered. */
  readonly times: number;
  /** Each delivery waits up to this long, so that any two change places. */
  readonly delayMsMax: number;
}

const AGAIN_MS = 100;

/** Answers 200 at once, whatever the receiver says: a sender that waits or tries again would undo the disorder. */
export async function startRelay({ to, times, delayMsMax }: RelayOptions): Promise<Relay> {
  const count = { received: 0, delivered: 0 };
  const stopping = new AbortController();
  const onTheirWay = new Set<Promise<void>>();
  async function deliver(body: string): Promise<void> {
    await sleep(Math.random() * delayMsMax, undefined, { signal: stopping.signal });
    while (!(await isTaken(to, body)))
      await sleep(AGAIN_MS, undefined, { signal: stopping.signal });
    count.delivered += 1;
  }
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      response.end();
      count.received += 1;
      for (let time = 0; time < times; time += 1) {
        const delivery: Promise<void> = deliver(body)
          .catch(() => undefined)
          .finally(() => onTheirWay.delete(delivery));
        onTheirWay.add(delivery);
      }
    });
  });
  await listening(server);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts: () => ({ ...count }),
    async stop() {
      stopping.abort();
      await Promise.all(onTheirWay);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A queue keeps what its receiver is too busy for. */
async function isTaken(to: string, body: string): Promise<boolean> {
  const answer = await fetch(to, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  await answer.arrayBuffer();
  return answer.ok;
}

/** For a store that announces nothing: posts an event, as S3 would, for every object that appears. */
export function announceNew(store: ObjectStore, to: string): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const known = new Set<string>();
  async function look(): Promise<void> {
    for await (const { key } of store.list('')) {
      if (known.has(key)) continue;
      known.add(key);
      await fetch(to, { method: 'POST', body: JSON.stringify(eventOf(key)) });
    }
  }
  const ended = (async () => {
    while (!stopping.signal.aborted) {
      await look();
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
