import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SeenRequest } from '../faulty-proxy.ts';
import { type Answer, type ErrorName, errorAnswer, Refused } from './answers.ts';
import { execute } from './operations.ts';
import { type Exchange, type Rules, rulesByDefault, type State, serverTime } from './state.ts';

export const STRICT_BUCKET = 'strict';

interface Plan {
  readonly when: (seen: SeenRequest) => boolean;
  /** The request is carried out first, and this is sent instead of its answer. */
  readonly isCarriedOut: boolean;
  /** Undefined: the connection is reset. */
  readonly answer: Answer | undefined;
  timesLeft: number;
}

export interface PlanOptions {
  /** For the next so many requests; 1 when absent, `Infinity` until `reset`. */
  readonly times?: number;
  readonly when?: (seen: SeenRequest) => boolean;
}

/**
 * A strict S3 server with objects in memory, for what real servers do seldom or only elsewhere. It
 * speaks S3's HTTP and XML, path style, and checks no signatures.
 */
export interface StrictS3 {
  readonly endpoint: string;
  /** `s3://strict`. */
  readonly root: string;
  /** May be changed at any time. */
  readonly rules: Rules;
  readonly buckets: State['buckets'];
  readonly objects: State['objects'];
  readonly uploads: State['uploads'];
  /** Every request, in order, also the refused ones. */
  readonly seen: SeenRequest[];
  /** Answers the next matching requests with an error, without carrying them out. */
  refuse(answer: ErrorName | Answer, options?: PlanOptions): void;
  /** Carries out the next matching requests, then resets the connection. */
  loseAnswers(options?: PlanOptions): void;
  /** Removes plans, objects, uploads and recorded requests, and sets the rules back. */
  reset(): void;
  stop(): Promise<void>;
}

export async function startStrictS3(): Promise<StrictS3> {
  const state: State = {
    rules: rulesByDefault(),
    buckets: new Set([STRICT_BUCKET]),
    objects: new Map(),
    uploads: new Map(),
  };
  const plans: Plan[] = [];
  const seen: SeenRequest[] = [];
  const server = createServer({ keepAliveTimeout: 60_000 }, (from, to) => {
    serve(state, plans, seen, from, to).catch(() => from.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const plan = (
    options: PlanOptions | undefined,
    what: Pick<Plan, 'isCarriedOut' | 'answer'>,
  ): void => {
    const { times = 1, when = () => true } = options ?? {};
    plans.push({ ...what, when, timesLeft: times });
  };
  return {
    ...state,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    root: `s3://${STRICT_BUCKET}`,
    seen,
    refuse(answer, options) {
      const sent = typeof answer === 'string' ? errorAnswer(answer) : answer;
      plan(options, { isCarriedOut: false, answer: sent });
    },
    loseAnswers: (options) => plan(options, { isCarriedOut: true, answer: undefined }),
    reset() {
      plans.length = 0;
      seen.length = 0;
      state.objects.clear();
      state.uploads.clear();
      Object.assign(state.rules, rulesByDefault());
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function serve(
  state: State,
  plans: readonly Plan[],
  seen: SeenRequest[],
  from: IncomingMessage,
  to: ServerResponse,
): Promise<void> {
  const { method = '', url = '', headers } = from;
  const now: SeenRequest = { method, url, headers };
  seen.push(now);
  const plan = plans.find(({ timesLeft, when }) => timesLeft > 0 && when(now));
  if (plan !== undefined) plan.timesLeft -= 1;
  const body = Buffer.concat(await Array.fromAsync(from as AsyncIterable<Buffer>));
  const isCarriedOut = plan === undefined || plan.isCarriedOut;
  const answer = isCarriedOut ? answerTo(read(state, now, body)) : plan.answer;
  if (answer === undefined || (plan !== undefined && plan.answer === undefined)) {
    from.socket.resetAndDestroy();
    return;
  }
  send(state, answer, method, to);
}

function answerTo(exchange: Exchange): Answer {
  try {
    return execute(exchange);
  } catch (error) {
    if (error instanceof Refused) return error.answer;
    throw error;
  }
}

function read(state: State, { method, url, headers }: SeenRequest, body: Buffer): Exchange {
  const { pathname, searchParams } = new URL(url, 'http://strict');
  const [, bucket = '', ...rest] = pathname.split('/').map(decodeURIComponent);
  const [, accessKey = ''] = /Credential=([^/]+)\//.exec(headers.authorization ?? '') ?? [];
  const key = rest.join('/');
  return { state, method, bucket, key, query: searchParams, headers, body, accessKey };
}

/** An answer to HEAD has no body. */
function send(state: State, answer: Answer, method: string, to: ServerResponse): void {
  const { status, headers = {}, body = '' } = answer;
  const date = serverTime(state).toUTCString();
  const length = method === 'HEAD' ? {} : { 'content-length': `${Buffer.byteLength(body)}` };
  to.writeHead(status, { server: 'StrictS3', date, ...length, ...headers });
  to.end(method === 'HEAD' ? undefined : body);
}
