import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { interruptedError } from '../../async/abort.ts';
import type { StoreSettings } from '../store.ts';
import { s3Error } from './errors.ts';
import { OWN_BUFFERS, type SpareBuffers } from './parts/buffers.ts';
import { PART_BYTES_DEFAULT } from './parts/sizes.ts';
import { retryStrategy } from './retry.ts';

type S3Settings = NonNullable<StoreSettings['s3']>;

/** Everything the operations of one S3 store need. */
export interface S3 {
  readonly bucket: string;
  /** What stands before every key: empty, or ending in a slash. */
  readonly prefix: string;
  readonly url: string;
  /** AWS, and not a server that speaks its protocol: conditional copies and completions can be relied on. */
  readonly isAws: boolean;
  readonly client: S3Client;
  /** For requests whose answer may take minutes with nothing said in between: copies, completions, slow readers. */
  readonly patientClient: S3Client;
  /** Shared by all uploads. */
  readonly spareBuffers: SpareBuffers;
  close(): void;
  readonly settings: Required<Omit<S3Settings, 'endpoint' | 'region' | 'forcePathStyle'>> & {
    endpoint: string;
  };
}

const MIB = 1024 * 1024;
const CONNECT_MS_MAX = 10_000;
const PATIENCE = 10;
/** More than all uploads and reads of one process; the SDK's 50 would make requests wait for a socket. */
const SOCKETS_MAX = 256;

export function connectS3(bucket: string, prefix: string, settings: S3Settings): S3 {
  const isAws =
    settings.endpoint === undefined ||
    /\.amazonaws\.com(\.cn)?$/.test(new URL(settings.endpoint).hostname);
  const { stallMs = 30_000, attemptsMax = 6 } = settings;
  const options = { ...settings, isAws, attemptsMax, agents: connections() };
  const partsInFlight = settings.partsInFlight ?? 6;
  const client = makeClient(options, { socketTimeout: stallMs });
  // One set of credentials: both clients act for the same user, and a metadata service is asked once.
  const { credentials } = client.config;
  // Made when it is asked for: a process that stores little never does.
  let patientClient: S3Client | undefined;
  return {
    bucket,
    prefix,
    url: `s3://${bucket}${prefix === '' ? '' : `/${prefix.slice(0, -1)}`}`,
    isAws,
    client,
    // One upload alone can then have all its parts in flight while it fills the next.
    spareBuffers: { left: partsInFlight + 1 - OWN_BUFFERS, idle: [] },
    get patientClient() {
      patientClient ??= makeClient(options, { socketTimeout: stallMs * PATIENCE, credentials });
      return patientClient;
    },
    close() {
      client.destroy();
      patientClient?.destroy();
    },
    settings: {
      endpoint: settings.endpoint ?? '',
      partsInFlight,
      partBytes: settings.partBytes ?? PART_BYTES_DEFAULT,
      copyPartBytes: settings.copyPartBytes ?? 1024 * MIB,
      stallMs,
      attemptsMax,
    },
  };
}

interface Connections {
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpsAgent;
}

/** One pool for both clients: a connection, once its TLS is agreed on, is for whatever is asked next. */
function connections(): Connections {
  const pool = { keepAlive: true, maxSockets: SOCKETS_MAX };
  return { httpAgent: new HttpAgent(pool), httpsAgent: new HttpsAgent(pool) };
}

type ClientOptions = S3Settings & { isAws: boolean; attemptsMax: number; agents: Connections };

function makeClient(
  settings: ClientOptions,
  { socketTimeout, ...given }: Pick<S3ClientConfig, 'credentials'> & { socketTimeout: number },
): S3Client {
  const config: S3ClientConfig = {
    ...given,
    maxAttempts: settings.attemptsMax,
    retryStrategy: retryStrategy(settings.attemptsMax),
    // An Expect header makes Node open a new connection for every part.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: CONNECT_MS_MAX,
      socketTimeout,
      // Without this the handler writes a warning about a request that took too long, and goes on waiting.
      throwOnRequestTimeout: true,
      ...settings.agents,
    },
  };
  if (settings.region !== undefined) config.region = settings.region;
  if (settings.endpoint !== undefined) config.endpoint = settings.endpoint;
  if (settings.forcePathStyle !== undefined) config.forcePathStyle = settings.forcePathStyle;
  if (settings.isAws) return withUnsignedParts(new S3Client(config));
  // Other servers: many know no checksum trailers, have no name per bucket in DNS, and no regions.
  return withUnsignedParts(
    new S3Client({
      ...config,
      region: settings.region ?? 'us-east-1',
      forcePathStyle: settings.forcePathStyle ?? true,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    }),
  );
}

/**
 * Over TLS a part is not hashed for its signature: TLS guards the bytes, and sha256 would cost more than everything
 * else an upload does. Over plain HTTP the hash stays: there it is all that guards them.
 */
function withUnsignedParts(client: S3Client): S3Client {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const request = args.request as { protocol?: string; headers?: Record<string, string> };
      const isPart = context.commandName === 'UploadPartCommand';
      if (isPart && request.protocol === 'https:' && request.headers !== undefined) {
        request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      }
      return next(args);
    },
    { step: 'build', name: 'unsignedParts' },
  );
  return client;
}

export interface Call {
  /** What is being done to what, for messages: `reading sets/…`. */
  readonly doing: string;
  readonly object?: string;
  readonly signal?: AbortSignal | undefined;
  readonly longTimeout?: boolean;
}

/** Sends one request; what it throws has a code. Ends at once when the signal fires, also between two attempts. */
export async function request<T>(
  s3: S3,
  call: Call,
  send: (client: S3Client, http: { abortSignal?: AbortSignal }) => Promise<T>,
): Promise<T> {
  const { signal, doing } = call;
  if (signal?.aborted) throw interruptedError(signal, doing);
  const fired = Promise.withResolvers<never>();
  const fire = () => signal && fired.reject(interruptedError(signal, doing));
  signal?.addEventListener('abort', fire, { once: true });
  try {
    const client = call.longTimeout ? s3.patientClient : s3.client;
    const sent = send(client, signal === undefined ? {} : { abortSignal: signal });
    return await (signal === undefined ? sent : Promise.race([sent, fired.promise]));
  } catch (error) {
    if (signal?.aborted) throw interruptedError(signal, doing);
    throw s3Error(error, doing, s3.bucket, call.object);
  } finally {
    signal?.removeEventListener('abort', fire);
  }
}
