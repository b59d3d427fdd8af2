import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Logger } from 'pino';
import { messageOf } from '../../backup-set/base/errors.ts';
import { createdKeys } from '../events/created-keys.ts';
import type { JobQueue } from '../events/job-queue.ts';
import { isAuthorized } from './authorization.ts';
import type { Health } from './health.ts';
import type { ServeMetrics } from './metrics.ts';
import { SnsRejectedError, type SnsVerifier } from './sns.ts';

export interface HttpOptions {
  /** URL of the root whose events are wanted; others are ignored. */
  readonly root: string;
  readonly queue: JobQueue;
  /** Called with every key under the root that is announced, whether or not a function waits for it. */
  readonly onCreatedKey: (key: string) => void;
  readonly sns: SnsVerifier;
  readonly health: Health;
  readonly metrics: ServeMetrics;
  readonly log: Logger;
  /** When given, who sends events must present it. */
  readonly token?: string;
  /** When given, it opens /metrics, and nothing else. */
  readonly metricsToken?: string;
}

/** AWS sends at most 256 KiB, Ceph far less. */
const BODY_BYTES_MAX = 1024 * 1024;

/**
 * Receives bucket notifications. Answers at once, before anything is done about them, and 200 also to what it drops:
 * senders retry without pause on errors, or wedge, and the sweeper finds what was dropped.
 */
export function httpApp(options: HttpOptions): Hono {
  const { queue, health, metrics, log, token, metricsToken } = options;
  const app = new Hono();
  const limit = bodyLimit({
    maxSize: BODY_BYTES_MAX,
    onError(c) {
      metrics.countEvents('malformed');
      return failure(c, 413, `the body is larger than ${BODY_BYTES_MAX} bytes`);
    },
  });
  const refused = () => metrics.countEvents('refused');
  app.post('/events', admit([token], refused), limit, (c) => takeEvents(c, options));
  app.get('/healthz', async (c) => {
    const state = await health.state();
    return c.json({ ...state, ...queue.counts() }, state.ok ? 200 : 503);
  });
  app.get('/metrics', admit([token, metricsToken]), async (c) =>
    c.body(await metrics.text(), 200, { 'content-type': metrics.contentType }),
  );
  app.notFound((c) => failure(c, 404, 'there is nothing here; notifications go to POST /events'));
  app.onError((error, c) => {
    log.error({ err: error }, 'a request could not be answered');
    return failure(c, 500, 'the request could not be answered; see the log');
  });
  return app;
}

/** Before the body is read: who has no secret gets no memory either. */
function admit(secrets: readonly (string | undefined)[], onRefused = () => {}): MiddlewareHandler {
  const some = secrets.filter((secret) => secret !== undefined);
  return async (c, next) => {
    if (some.length === 0 || isAuthorized(c.req.header('authorization'), some)) return next();
    onRefused();
    // Without being asked in this way, SNS keeps the password of its URL to itself.
    c.header('www-authenticate', 'Basic realm="stowage"');
    return failure(c, 401, 'the secret is missing or wrong');
  };
}

async function takeEvents(c: Context, options: HttpOptions): Promise<Response> {
  const { metrics, sns, log } = options;
  const body = parse(await c.req.text());
  if (body === undefined) {
    metrics.countEvents('malformed');
    return failure(c, 400, 'the body is not JSON');
  }
  try {
    const message = await sns.verify(body.json);
    if (message?.Type === 'SubscriptionConfirmation')
      log.info({ topic: message.TopicArn }, 'subscription confirmed');
  } catch (error) {
    const isRejected = error instanceof SnsRejectedError;
    metrics.countEvents(isRejected ? 'refused' : 'dropped');
    log.warn({ err: error }, `a message of SNS was not taken: ${messageOf(error)}`);
    return failure(c, isRejected ? 403 : 503, messageOf(error));
  }
  return c.json(offerAll(body.json, options));
}

/** Puts the news of a body into the queue; what is ignored is named in the log, and all of it is counted. */
function offerAll(json: unknown, { root, queue, onCreatedKey, metrics, log }: HttpOptions) {
  const news = createdKeys(root, json);
  const answer = { taken: 0, ignored: news.ignored.length, dropped: 0 };
  for (const one of news.ignored) log.debug(one, 'event ignored');
  for (const key of news.keys) {
    onCreatedKey(key);
    const result = queue.offer(key);
    if (result === 'ignored') log.debug({ reason: 'no-function', what: key }, 'event ignored');
    answer[result] += 1;
  }
  if (answer.dropped > 0) log.warn(answer, 'the queue is full: events were left to the sweeper');
  for (const result of ['taken', 'ignored', 'dropped'] as const)
    metrics.countEvents(result, answer[result]);
  return answer;
}

function failure(
  c: Context,
  status: 400 | 401 | 403 | 404 | 413 | 500 | 503,
  message: string,
): Response {
  return c.json({ error: { message } }, status);
}

function parse(text: string): { readonly json: unknown } | undefined {
  try {
    return { json: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
