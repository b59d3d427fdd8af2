import { readFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DeleteObjectsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { type Ceph, startCeph } from '../../support/ceph/ceph.ts';
import { makeCertificates } from '../../support/servers/certificates.ts';
import { allStats } from '../measure/cpu.ts';
import { type Sink, startSink } from '../sink/start.ts';

export const SERVERS = ['sink', 'sink-tls', 'ceph'] as const;
export type ServerKind = (typeof SERVERS)[number];

/** The S3 server of a run, and what clients need to reach it. */
export interface Store {
  readonly name: string;
  readonly endpoint: string;
  readonly region: string;
  readonly keys: { readonly accessKey: string; readonly secretKey: string };
  /** The CA certificate for clients; absent on plain HTTP. */
  readonly caFile?: string;
  /** The endpoint for this process, without TLS if possible. */
  readonly plainEndpoint: string;
  readonly pids: readonly number[];
  /** Absent on Ceph, which does not count requests and bytes. */
  readonly sink?: Sink;
  /** Removes all objects, and sets whether the sink keeps large objects from now on. */
  ready(isKept: boolean): Promise<void>;
  stop(): Promise<void>;
}

export const BUCKET = 'bench';

export async function openStoreFor(server: ServerKind): Promise<Store> {
  return server === 'ceph' ? cephStore() : server === 'sink' ? sinkStore() : secureSinkStore();
}

async function sinkStore(): Promise<Store> {
  return storeOf(await startSink());
}

/** The sink with TLS, as in production. */
async function secureSinkStore(): Promise<Store> {
  const certificates = await makeCertificates();
  const authority = await certificates.authority('bench');
  const { certFile, keyFile } = await authority.issue('sink');
  // Programs that PostgreSQL starts read it too.
  await chmod(dirname(authority.certFile), 0o755);
  const sink = await startSink([certFile, keyFile]);
  const store = storeOf(sink);
  return {
    ...store,
    name: `${store.name}, with TLS`,
    endpoint: sink.secureEndpoint ?? '',
    caFile: authority.certFile,
    async stop() {
      await store.stop();
      await certificates.remove();
    },
  };
}

function storeOf(sink: Sink): Store {
  return {
    name: 'loopback sink',
    endpoint: sink.endpoint,
    plainEndpoint: sink.endpoint,
    region: 'us-east-1',
    // The sink does not check signatures.
    keys: { accessKey: 'bench', secretKey: 'bench' },
    pids: [sink.pid],
    sink,
    async ready(isKept) {
      await sink.reset();
      await sink.keep(isKept);
    },
    stop: () => sink.stop(),
  };
}

async function cephStore(): Promise<Store> {
  const ceph: Ceph = await startCeph({ objectStore: 'bluestore' });
  await ceph.createBucket(BUCKET);
  return {
    name: 'Ceph Object Gateway (bluestore)',
    endpoint: ceph.endpoint,
    plainEndpoint: ceph.endpoint,
    region: ceph.region,
    keys: ceph,
    pids: allStats()
      .filter(({ pid, parent }) => parent === process.pid && /^(ceph-|radosgw)/.test(nameOf(pid)))
      .map(({ pid }) => pid),
    ready: () => emptyBucket(ceph),
    stop: () => ceph.stop(),
  };
}

/** Removes all objects: those of earlier runs would fill the disk. */
async function emptyBucket({ client }: Ceph): Promise<void> {
  for (;;) {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET }));
    if (Contents.length === 0) return;
    const Objects = Contents.map(({ Key }) => ({ Key }));
    await client.send(
      new DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Objects, Quiet: true } }),
    );
  }
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8');
  } catch {
    return '';
  }
}

/** Variables that configure the store as `sink:` in rclone, without a file. */
export function rcloneVariables({ endpoint, region, keys, caFile }: Store): Record<string, string> {
  return {
    RCLONE_CONFIG: '',
    RCLONE_CONFIG_SINK_TYPE: 's3',
    RCLONE_CONFIG_SINK_PROVIDER: 'Other',
    RCLONE_CONFIG_SINK_ENDPOINT: endpoint,
    RCLONE_CONFIG_SINK_REGION: region,
    RCLONE_CONFIG_SINK_ACCESS_KEY_ID: keys.accessKey,
    RCLONE_CONFIG_SINK_SECRET_ACCESS_KEY: keys.secretKey,
    ...(caFile === undefined ? {} : { RCLONE_CA_CERT: caFile }),
  };
}

/** Flags of `aws`. The CA is a flag, because rclone would also read the variable and reject it. */
export const awsFlags = ({ endpoint, caFile }: Store) =>
  `--endpoint-url ${endpoint}${caFile === undefined ? '' : ` --ca-bundle ${caFile}`}`;

/** Variables in which the AWS SDKs and `aws` find the region and the keys. */
export function awsVariables({ region, keys }: Store): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: keys.accessKey,
    AWS_SECRET_ACCESS_KEY: keys.secretKey,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}
