import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Logger } from 'pino';
import { messageOf } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import { createdKeys } from '../events/created-keys.ts';
import type { JobQueue } from '../events/job-queue.ts';
import { isAuthorized } from './authorization.ts';
import { guardConsole } from './console/http/guard.ts';
import type { Health } from './health.ts';
import type { ServeMetrics } from './metrics.ts';
import { SnsRejectedError, type SnsVerifier } from './sns.ts';

export interface HttpOptions {
  /** URL of the root; events about other places are ignored. */
  readonly root: string;
  readonly queue: JobQueue;
  /** Called with every created key under the root, whether or not it starts a function. */
  readonly onCreatedKey: (key: string) => void;
  readonly sns: SnsVerifier;
  readonly health: Health;
  readonly metrics: ServeMetrics;
  readonly log: Logger;
  /** When given, senders of events must present it. */
  readonly token?: string | undefined;
  /** When given, it gives access to /metrics only. */
  readonly metricsToken?: string | undefined;
  /** The console, when it is configured, and a secret that gives access to it only. */
  readonly console?: MountedConsole | undefined;
}

interface MountedConsole {
  readonly app: Hono;
  readonly token?: string | undefined;
  /** Clients without a certificate are rejected. */
  readonly hasCertificates: boolean;
}

/** AWS sends at most 256 KiB, Ceph far less. */
const BODY_BYTES_MAX = 1024 * 1024;

/**
 * Receives bucket notifications. It answers before any job runs, and answers 200 even when it drops
 * events: after an error some senders retry without a pause or stop sending. The sweeper finds the
 * objects of dropped events.
 */
export function httpApp(options: HttpOptions): Hono {
  const { queue, health, metrics, log, token, metricsToken } = options;
  const app = new Hono();
  const limit = bodyLimit({
    maxSize: BODY_BYTES_MAX,
    onError(c) {
      metrics.countEvents('malformed');
      return failure(c, 413, `the body is larger than ${plural(BODY_BYTES_MAX, 'byte')}`);
    },
  });
  const refused = () => metrics.countEvents('refused');
  app.post('/events', requireSecret([token], refused), limit, (c) => takeEvents(c, options));
  app.get('/healthz', async (c) => {
    const state = await health.state();
    return c.json({ ...state, ...queue.counts() }, state.ok ? 200 : 503);
  });
  app.get('/metrics', requireSecret([token, metricsToken]), async (c) =>
    c.body(await metrics.text(), 200, { 'content-type': metrics.contentType }),
  );
  if (options.console !== undefined) addConsole(app, options.console, token);
  app.notFound((c) => failure(c, 404, 'not found: send notifications to POST /events'));
  app.onError((error, c) => {
    log.error({ err: error }, 'request failed');
    return failure(c, 500, 'the request failed; see the log of stowage serve');
  });
  return app;
}

/** The page's own addresses are relative to /console/. */
function addConsole(
  app: Hono,
  { app: page, token: own, hasCertificates }: MountedConsole,
  token: string | undefined,
): void {
  const isOpen = token === undefined && own === undefined && !hasCertificates;
  app.use('/console/*', guardConsole(isOpen));
  app.use('/console/*', requireSecret([token, own]));
  app.get('/console', (c) => c.redirect('console/', 308));
  app.route('/console/', page);
}

/** Runs before the body is read, so that a request without a secret takes no memory. */
function requireSecret(
  secrets: readonly (string | undefined)[],
  onRefused = () => {},
): MiddlewareHandler {
  const some = secrets.filter((secret) => secret !== undefined);
  return async (c, next) => {
    if (some.length === 0 || isAuthorized(c.req.header('authorization'), some)) return next();
    onRefused();
    // SNS sends the password of its URL only after this challenge.
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
    // The stack of a rejection says nothing.
    log.warn(
      isRejected ? {} : { err: error },
      `SNS message ${isRejected ? 'rejected' : 'dropped'}: ${messageOf(error)}`,
    );
    return failure(c, isRejected ? 403 : 503, messageOf(error));
  }
  return c.json(offerAll(body.json, options));
}

/** Queues the jobs of a notification. Counts every event, and logs the ignored ones. */
function offerAll(json: unknown, { root, queue, onCreatedKey, metrics, log }: HttpOptions) {
  const found = createdKeys(root, json);
  const answer = { taken: 0, ignored: found.ignored.length, dropped: 0 };
  for (const one of found.ignored) log.debug(one, 'event ignored');
  for (const key of found.keys) {
    onCreatedKey(key);
    const result = queue.offer(key);
    if (result === 'ignored') log.debug({ reason: 'not-handled', what: key }, 'event ignored');
    answer[result] += 1;
  }
  if (answer.dropped > 0)
    log.warn(
      answer,
      'events dropped: the queue is full or draining; the sweeper will find their objects',
    );
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
