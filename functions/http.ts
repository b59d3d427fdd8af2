import { createHash, timingSafeEqual } from 'node:crypto';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Logger } from 'pino';
import type { JobQueue } from './job-queue.ts';
import { normalise, underRoot } from './normalise.ts';

export interface HttpOptions {
  /** URL of the root whose events are wanted; others are ignored. */
  readonly root: string;
  readonly queue: JobQueue;
  readonly log: Logger;
  /** When given, events need `Authorization: Bearer <token>`. */
  readonly token?: string;
}

/** AWS sends at most 256 KiB, Ceph far less. */
const BODY_BYTES_MAX = 1024 * 1024;

/**
 * Receives bucket notifications. Answers at once, before anything is done about them, and 200 also to what it drops:
 * senders retry without pause on errors, or wedge, and the sweeper finds what was dropped.
 */
export function httpApp({ root, queue, log, token }: HttpOptions): Hono {
  const app = new Hono();
  const counts = { taken: 0, ignored: 0, dropped: 0 };
  const limit = bodyLimit({
    maxSize: BODY_BYTES_MAX,
    onError: (c) => failure(c, 413, `the body is larger than ${BODY_BYTES_MAX} bytes`),
  });
  // Before the body is read: who has no token gets no memory either.
  const admit: MiddlewareHandler = async (c, next) => {
    if (token === undefined || isBearer(c.req.header('authorization'), token)) return next();
    return failure(c, 401, 'the bearer token is missing or wrong');
  };
  app.post('/events', admit, limit, async (c) => {
    const body = parse(await c.req.text());
    if (body === undefined) return failure(c, 400, 'the body is not JSON');
    const answer = { taken: 0, ignored: 0, dropped: 0 };
    for (const key of underRoot(root, normalise(body.json))) answer[queue.offer(key)] += 1;
    counts.taken += answer.taken;
    counts.ignored += answer.ignored;
    counts.dropped += answer.dropped;
    if (answer.dropped > 0) log.warn(answer, 'the queue is full: events were left to the sweeper');
    return c.json(answer);
  });
  app.get('/healthz', (c) => c.json({ ok: true, ...queue.counts(), ...counts }));
  app.notFound((c) => failure(c, 404, 'there is nothing here; notifications go to POST /events'));
  app.onError((error, c) => {
    log.error({ err: error }, 'an event could not be taken');
    return failure(c, 500, 'the event could not be taken; see the log');
  });
  return app;
}

function failure(c: Context, status: 400 | 401 | 404 | 413 | 500, message: string): Response {
  return c.json({ error: { message } }, status);
}

function parse(text: string): { readonly json: unknown } | undefined {
  try {
    return { json: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** Compares digests, which have the same length whatever was sent: the time taken says nothing about the token. */
function isBearer(header: string | undefined, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${token}`));
}
