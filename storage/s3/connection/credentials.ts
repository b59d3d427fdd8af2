import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { pause } from '../../../async/poll.ts';

type Provider = Extract<NonNullable<S3ClientConfig['credentials']>, (...args: never[]) => unknown>;
type Keys = Awaited<ReturnType<Provider>>;

/**
 * The SDK's default chain. It remembers keys until they expire, and keys without expiry until it is
 * asked to refresh them. Each time that it is asked it reads the files below ~/.aws again: the SDK
 * alone would return what it read first.
 */
export function newCredentials(): Provider {
  // `memoized`: else each client would remember the first keys for as long as it lives.
  return Object.assign(defaultProvider({ ignoreCache: true }), { memoized: true }) as Provider;
}

/** Keys that have expired, were removed, or were replaced under the same name. */
const REFUSED = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidAccessKeyId',
  'InvalidToken',
  'InvalidTokenId',
  'SignatureDoesNotMatch',
  'TokenRefreshRequired',
]);
/** A file that another program replaces is empty for a moment. */
const FILE_REPLACED_MS = 1_000;

/**
 * When a server refuses the keys of a request, asks for the keys again, and sends the request once
 * more if they have changed. Wrong keys that stay the same fail at once.
 */
export function renewCredentials(client: S3Client): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        const { selectedHttpAuthScheme: chosen, abortSignal } = contextOf(context);
        const used = chosen?.identity;
        if (used === undefined || isFixed(used) || !areRefused(error, used)) throw error;
        if (!(await haveChanged(client, used, abortSignal))) throw error;
        return await sentBefore(attemptsOf(error) - 1, () => next(args));
      }
    },
    // The outermost step: the keys are chosen before the SDK's retries begin.
    { step: 'initialize', name: 'renewCredentials', priority: 'high' },
  );
}

interface Sent {
  readonly $metadata?: { attempts?: number | undefined };
}

const attemptsOf = (sent: unknown): number => (sent as Sent).$metadata?.attempts ?? 1;

/**
 * Counts the attempts before the one that was refused: the server may have carried one out whose
 * answer was lost, and writes must know it (write/own-write.ts).
 */
async function sentBefore<T extends { readonly output: object }>(
  attempts: number,
  send: () => Promise<T>,
): Promise<T> {
  const count = (sent: unknown) => {
    const { $metadata } = sent as Sent;
    if ($metadata !== undefined) $metadata.attempts = attemptsOf(sent) + attempts;
  };
  try {
    const result = await send();
    count(result.output);
    return result;
  } catch (error) {
    count(error);
    throw error;
  }
}

interface SmithyContext {
  readonly selectedHttpAuthScheme?: { readonly identity?: Keys };
  readonly abortSignal?: AbortSignal;
}

const contextOf = (context: object): SmithyContext =>
  (context as { __smithy_context?: SmithyContext }).__smithy_context ?? {};

/** Keys in the environment of a process do not change. The SDK marks where keys come from. */
const isFixed = (used: Keys): boolean =>
  (used as { $source?: Record<string, unknown> }).$source?.['CREDENTIALS_ENV_VARS'] !== undefined;

function areRefused(error: unknown, used: Keys): boolean {
  const { name, $metadata } = error as {
    name?: string;
    $metadata?: { httpStatusCode?: number };
  };
  if (REFUSED.has(name ?? '')) return true;
  // An answer to HEAD names no reason. Keys that expire are renewed before they do.
  const isUnnamed =
    name === undefined || /^(Unknown|UnknownError|\d{3}|Forbidden|BadRequest)$/.test(name);
  const status = $metadata?.httpStatusCode;
  return isUnnamed && (status === 400 || status === 403) && used.expiration === undefined;
}

async function haveChanged(
  { config }: S3Client,
  used: Keys,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  // Another request may have renewed them while this one was under way.
  if (differ(await config.credentials(), used)) return true;
  const ask = () => config.credentials({ forceRefresh: true }).catch(() => undefined);
  let now = await ask();
  if (now === undefined) {
    await pause(FILE_REPLACED_MS, signal);
    now = await ask();
  }
  return now !== undefined && differ(now, used);
}

const differ = (a: Keys, b: Keys): boolean =>
  a.accessKeyId !== b.accessKeyId ||
  a.secretAccessKey !== b.secretAccessKey ||
  a.sessionToken !== b.sessionToken;
