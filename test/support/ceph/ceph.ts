import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { freePort } from '../servers/free-port.ts';
import { writeCephConf } from './conf.ts';
import { chownFolder, requireCommands, unprivilegedUser } from './host.ts';
import { type Daemon, run, startDaemon } from './process.ts';
import { type SubscribeOptions, type Subscription, subscribeBucket } from './topics.ts';

export interface CephOptions {
  /** Folder for state and logs; a temporary one, removed by `stop`, when absent. */
  readonly dir?: string;
  /**
   * `memstore` is fast and holds some GiB in memory; `bluestore` writes to `dir`, for benchmarks.
   */
  readonly objectStore?: 'memstore' | 'bluestore';
}

export interface Ceph {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** What a process needs to reach this server by the SDK's default credential chain. */
  readonly env: Readonly<Record<string, string>>;
  /** A client with this server's credentials, for operations that ObjectStore does not have. */
  readonly client: S3Client;
  createBucket(name: string): Promise<void>;
  /** Creates another user, without rights on any bucket: for tests of bucket policies. */
  createUser(
    name: string,
  ): Promise<{ accessKey: string; secretKey: string; env: Record<string, string> }>;
  /**
   * Sends the events of created objects to `pushEndpoint`. By default the topic is persistent: a
   * PUT does not wait for the receiver. The gateway looks for new persistent queues every 30 s:
   * subscribe early. The first event may take 30 s; later ones take less than a second.
   */
  subscribe(
    bucket: string,
    pushEndpoint: string,
    options?: SubscribeOptions,
  ): Promise<Subscription>;
  /** Ends all three processes and removes the temporary folder. May be called twice. */
  stop(): Promise<void>;
}

/** Any name works: all servers are on this machine. */
const REGION = 'us-east-1';

/** A real Ceph on the loopback interface: a monitor, an OSD and a RADOS gateway. Takes 2 to 5 s. */
export async function startCeph(options: CephOptions = {}): Promise<Ceph> {
  await requireCommands();
  const user = unprivilegedUser();
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'ceph-')));
  const daemons: Daemon[] = [];
  const stop = async () => {
    // The gateway first: it would wait for an OSD that has ended.
    for (const daemon of daemons.splice(0).reverse()) await daemon.stop();
    if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
  };
  try {
    const port = await freePort();
    const conf = await writeCephConf(dir, {
      objectStore: options.objectStore ?? 'memstore',
      rgwPort: port,
    });
    await chownFolder(dir, user);
    const at = { dir, conf: conf.path, user };
    await run(
      at,
      'monmaptool',
      '--create',
      '--addv',
      'a',
      conf.monAddress,
      '--fsid',
      conf.fsid,
      `${dir}/monmap`,
    );
    await run(at, 'ceph-mon', '--mkfs', '-i', 'a', '--monmap', `${dir}/monmap`);
    daemons.push(startDaemon(at, 'ceph-mon', '-i', 'a', '-f'));
    await run(at, 'ceph', 'osd', 'new', conf.osdId);
    await run(at, 'ceph-osd', '--mkfs', '-i', '0', '--osd-uuid', conf.osdId);
    daemons.push(startDaemon(at, 'ceph-osd', '-i', '0', '-f'));
    const endpoint = `http://127.0.0.1:${port}`;
    const gateway = startDaemon(at, 'radosgw', '-n', 'client.rgw', '-f');
    daemons.push(gateway);
    const keys = await createUser(at, 'stowage');
    await gateway.waitUntilHttp(endpoint);
    return connect({ at, endpoint, keys, stop });
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
}

type At = Parameters<typeof run>[0];

async function createUser(at: At, name: string): Promise<Keys> {
  const keys = {
    accessKey: `AK${randomBytes(9).toString('hex').toUpperCase()}`,
    secretKey: randomBytes(20).toString('hex'),
  };
  const { accessKey, secretKey } = keys;
  await run(
    at,
    'radosgw-admin',
    ...[
      'user',
      'create',
      '--uid',
      name,
      '--display-name',
      name,
      '--access-key',
      accessKey,
      '--secret-key',
      secretKey,
    ],
  );
  return keys;
}

interface Running {
  readonly at: At;
  readonly endpoint: string;
  readonly keys: Keys;
  readonly stop: () => Promise<void>;
}

function connect({ at, endpoint, keys, stop }: Running): Ceph {
  const client = new S3Client({
    endpoint,
    region: REGION,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    credentials: { accessKeyId: keys.accessKey, secretAccessKey: keys.secretKey },
  });
  return {
    endpoint,
    region: REGION,
    ...keys,
    env: envOf(keys),
    client,
    async createBucket(name) {
      await client.send(new CreateBucketCommand({ Bucket: name }));
    },
    async createUser(name) {
      const made = await createUser(at, name);
      return { ...made, env: envOf(made) };
    },
    subscribe: (bucket, pushEndpoint, options = {}) =>
      subscribeBucket(
        { endpoint, region: REGION, ...keys, client },
        { bucket, pushEndpoint, ...options },
      ),
    async stop() {
      client.destroy();
      await stop();
    },
  };
}

function envOf(keys: Keys): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: keys.accessKey,
    AWS_SECRET_ACCESS_KEY: keys.secretKey,
    AWS_REGION: REGION,
  };
}
