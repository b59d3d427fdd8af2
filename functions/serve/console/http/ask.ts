import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { RestoreChoice } from '../../../../backup-set/documents/restore/asked.ts';
import { nameIn } from '../../authorization.ts';
import type { Requests } from '../api.ts';
import type { RequestDesk } from '../requests/desk.ts';
import { BadRequest, jsonAnswer } from './answer.ts';

/** The second token. A page of another site cannot send it: it is no header of a form. */
const TOKEN = 'stowage-request-token';
/** A thousand tables with long names. */
const BODY_BYTES_MAX = 4 * 1024 * 1024;
const NAME_CHARS_MAX = 100;

const NONE: Requests = { targets: [], expireHours: 0, requests: [] };

/** Restores that the page asks for, of the root of `serve`. */
export function addRequests(app: Hono, desk: RequestDesk | undefined): void {
  app.get('/api/0/requests', async (c) => jsonAnswer(c, desk ? await desk.list() : NONE));
  if (desk === undefined) return;
  const limit = bodyLimit({
    maxSize: BODY_BYTES_MAX,
    onError() {
      throw new BadRequest(400, 'the request is too long: choose fewer tables');
    },
  });
  app.post('/api/0/requests', limit, async (c) => {
    requireOwnPage(c);
    const by = senderOf(c);
    desk.requireToken(c.req.header(TOKEN), by);
    const choice = RestoreChoice.safeParse(await c.req.json().catch(() => undefined));
    if (!choice.success) {
      const [issue] = choice.error.issues;
      throw new BadRequest(400, `${issue?.path.join('.')}: ${issue?.message ?? 'ill-formed'}`);
    }
    return c.json(await desk.ask(choice.data, by), 201);
  });
}

/** @throws BadRequest for a request that a browser sends for a page of another origin. */
function requireOwnPage(c: Context): void {
  const site = c.req.header('sec-fetch-site');
  const origin = c.req.header('origin');
  const isOwn =
    site === undefined
      ? origin === undefined || URL.parse(origin)?.host === c.req.header('host')
      : site === 'same-origin';
  if (!isOwn) throw new BadRequest(403, 'the console takes requests of its own page only');
  if (!/^application\/json\b/i.test(c.req.header('content-type') ?? ''))
    throw new BadRequest(400, 'a request is JSON');
}

/** `anna at 10.0.0.7`: the name is what the browser, or its certificate, says. */
function senderOf(c: Context): string {
  const { incoming } = (c.env ?? {}) as { readonly incoming?: IncomingMessage };
  const socket = incoming?.socket as (IncomingMessage['socket'] & Partial<TLSSocket>) | undefined;
  const certified = socket?.getPeerCertificate?.()?.subject?.CN;
  const name = certified ?? nameIn(c.req.header('authorization')) ?? 'no name';
  const text = String(name).slice(0, NAME_CHARS_MAX).replaceAll(/\p{C}/gu, '?');
  return `${text} at ${socket?.remoteAddress ?? 'an unknown address'}`;
}
