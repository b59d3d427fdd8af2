import { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { S3Settings } from '../../settings.ts';
import { OWN_BUFFERS, type SpareBuffers } from '../parts/buffers.ts';
import { PART_BYTES_DEFAULT } from '../parts/sizes.ts';
import { authorities } from '../proxy/authorities.ts';
import { forwardThroughProxy } from '../proxy/forward.ts';
import type { Environment } from '../proxy/proxy-for.ts';
import { TunnelAgent } from '../proxy/tunnel.ts';
import { type DigestPolicy, digestPolicy } from '../write/digests.ts';
import { checksumConfig, checksumSettings } from './checksum-settings.ts';
import { newCredentials, renewCredentials } from './credentials.ts';
import { type Pace, paceOf } from './pace.ts';
import { paceRequests } from './paced.ts';
import { retryStrategy } from './retry.ts';
import { type ServerClock, serverClock, withServerClock } from './server-clock.ts';

/** Everything that the operations of one S3 store need. */
export interface S3 {
  readonly bucket: string;
  /** Stands before every key: empty, or ends in a slash. */
  readonly prefix: string;
  readonly url: string;
  /** True for AWS itself: its conditional copies and completions can be relied on. */
  readonly isAws: boolean;
  readonly client: S3Client;
  /**
   * For requests that send nothing for minutes while they work: copies, completions, slow readers.
   */
  readonly longTimeoutClient: S3Client;
  /** Shared by both clients, and by all stores of this process in the same bucket. */
  readonly pace: Pace;
  /** What its PUTs and parts carry. */
  readonly digests: DigestPolicy;
  /** Undefined until the first response to a PUT or part. */
  readonly etags: { areMd5: boolean | undefined };
  /** Shared by all uploads. */
  readonly spareBuffers: SpareBuffers;
  readonly clock: ServerClock;
  close(): void;
  readonly settings: {
    /** Empty for AWS. */
    readonly endpoint: string;
    readonly partsInFlight: number;
    readonly partBytes: number;
    readonly copyPartBytes: number;
    readonly stallMs: number;
    /** The longest silence of the server over all attempts of one request. */
    readonly silentMsMax: number;
    readonly attemptsMax: number;
    /** How long a request goes on while the server asks to slow down. */
    readonly throttledMsMax: number;
  };
}

const MIB = 1024 * 1024;
const CONNECT_TIMEOUT_MS = 10_000;
const STALL_SECONDS_DEFAULT = 120;
const THROTTLE_MINUTES_DEFAULT = 10;
const LONG_TIMEOUT_FACTOR = 10;
/** More than all uploads and reads of one process use; the SDK's 50 would make requests queue. */
const SOCKETS_MAX = 256;

export function connectS3(
  bucket: string,
  prefix: string,
  settings: S3Settings,
  stallSeconds = STALL_SECONDS_DEFAULT,
  env: Environment = process.env,
): S3 {
  const isAws =
    settings.endpoint === undefined ||
    /\.amazonaws\.com(\.cn)?$/.test(new URL(settings.endpoint).hostname);
  const { attemptsMax = 6, partsInFlight = 6 } = settings;
  const silentMsMax = stallSeconds * 1000;
  const stallMs = Math.min(settings.stallMs ?? 30_000, silentMsMax);
  const throttledMsMax = (settings.throttleMinutes ?? THROTTLE_MINUTES_DEFAULT) * 60_000;
  const limits = { attemptsMax, throttledMsMax };
  const pace = paceOf(settings.endpoint ?? '', bucket);
  const agents = connectionPool(settings, env);
  const options = { ...settings, isAws, attemptsMax, pace, env, agents };
  // Shared: both clients act for the same user, and the metadata service is asked once.
  const credentials = newCredentials();
  const clock = serverClock();
  const client = withServerClock(
    makeClient(options, {
      socketTimeout: stallMs,
      retryStrategy: retryStrategy({ ...limits, silentMsMax }, pace),
      credentials,
    }),
    clock,
  );
  const checksums = checksumSettings(isAws);
  const whenSupported = async () => (await checksums.request()) === 'WHEN_SUPPORTED';
  // Created on first use: most short processes never need it.
  let longTimeoutClient: S3Client | undefined;
  return {
    bucket,
    prefix,
    url: `s3://${bucket}${prefix === '' ? '' : `/${prefix.slice(0, -1)}`}`,
    isAws,
    digests: digestPolicy(settings.checksums ?? 'auto', whenSupported),
    etags: { areMd5: undefined },
    client,
    pace,
    clock,
    // A single upload can have all its parts in flight while it fills the next one.
    spareBuffers: { left: partsInFlight + 1 - OWN_BUFFERS, idle: [] },
    get longTimeoutClient() {
      longTimeoutClient ??= makeClient(options, {
        socketTimeout: stallMs * LONG_TIMEOUT_FACTOR,
        // silence/server.ts bounds its silence.
        retryStrategy: retryStrategy(limits, pace),
        credentials,
      });
      return longTimeoutClient;
    },
    close() {
      client.destroy();
      longTimeoutClient?.destroy();
    },
    settings: {
      endpoint: settings.endpoint ?? '',
      partsInFlight,
      partBytes: settings.partBytes ?? PART_BYTES_DEFAULT,
      copyPartBytes: settings.copyPartBytes ?? 1024 * MIB,
      stallMs,
      silentMsMax,
      attemptsMax,
      throttledMsMax,
    },
  };
}

interface ConnectionPool {
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpsAgent;
}

/** One pool for both clients, so that either can reuse a connection whose TLS handshake is done. */
function connectionPool({ caFile }: S3Settings, env: Environment): ConnectionPool {
  const pool = { keepAlive: true, maxSockets: SOCKETS_MAX };
  const ca = authorities(caFile, env);
  return { httpAgent: new HttpAgent(pool), httpsAgent: new TunnelAgent({ ...pool, ca }, env) };
}

interface ClientOptions extends S3Settings {
  readonly isAws: boolean;
  readonly attemptsMax: number;
  readonly pace: Pace;
  readonly agents: ConnectionPool;
  readonly env: Environment;
}

function makeClient(
  settings: ClientOptions,
  {
    socketTimeout,
    ...given
  }: Pick<S3ClientConfig, 'credentials' | 'retryStrategy'> & { socketTimeout: number },
): S3Client {
  const config: S3ClientConfig = {
    ...given,
    maxAttempts: settings.attemptsMax,
    // An Expect header makes Node open a new connection for every part.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout,
      // Without this the handler only warns about a request that timed out, and keeps waiting.
      throwOnRequestTimeout: true,
      ...settings.agents,
    },
  };
  if (settings.region !== undefined) config.region = settings.region;
  if (settings.endpoint !== undefined) config.endpoint = settings.endpoint;
  if (settings.forcePathStyle !== undefined) config.forcePathStyle = settings.forcePathStyle;
  Object.assign(config, checksumConfig(settings.isAws));
  const client = new S3Client(settings.isAws ? config : { ...config, ...notAws(settings) });
  renewCredentials(client);
  paceRequests(client, settings.pace);
  forwardThroughProxy(client, settings.env);
  return withUnsignedParts(client);
}

/** Many other servers support no bucket names in DNS, and no regions. */
function notAws({ region = 'us-east-1', forcePathStyle = true }: S3Settings): S3ClientConfig {
  return { region, forcePathStyle };
}

/**
 * Over TLS a part is not hashed for its signature: TLS protects the bytes, and SHA-256 would cost
 * more than the rest of an upload. Over plain HTTP the hash stays: nothing else protects the bytes.
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
