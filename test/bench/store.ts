import { readFileSync } from 'node:fs';
import { type Ceph, startCeph } from '../support/ceph.ts';
import { allStats } from './cpu.ts';
import { type Sink, startSink } from './sink/start.ts';

/** The S3 server of a run, and how each client is told of it. */
export interface Store {
  readonly name: string;
  readonly endpoint: string;
  readonly region: string;
  readonly keys: { readonly accessKey: string; readonly secretKey: string };
  readonly pids: readonly number[];
  /** Absent on Ceph: then requests and bytes are not counted. */
  readonly sink?: Sink;
  /** Forgets all objects, where that is possible, and says whether large ones are kept from now on. */
  ready(isKept: boolean): Promise<void>;
  stop(): Promise<void>;
}

export const BUCKET = 'bench';

export async function openStoreFor(server: 'sink' | 'ceph'): Promise<Store> {
  return server === 'sink' ? sinkStore() : cephStore();
}

async function sinkStore(): Promise<Store> {
  const sink = await startSink();
  return {
    name: 'loopback sink',
    endpoint: sink.endpoint,
    region: 'us-east-1',
    // Signatures are not looked at.
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
    region: ceph.region,
    keys: ceph,
    pids: allStats()
      .filter(({ pid, parent }) => parent === process.pid && /^(ceph-|radosgw)/.test(nameOf(pid)))
      .map(({ pid }) => pid),
    ready: async () => undefined,
    stop: () => ceph.stop(),
  };
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8');
  } catch {
    return '';
  }
}

/** Variables that name the store to rclone as `sink:`, without a file. */
export function rcloneVariables({ endpoint, region, keys }: Store): Record<string, string> {
  return {
    RCLONE_CONFIG: '',
    RCLONE_CONFIG_SINK_TYPE: 's3',
    RCLONE_CONFIG_SINK_PROVIDER: 'Other',
    RCLONE_CONFIG_SINK_ENDPOINT: endpoint,
    RCLONE_CONFIG_SINK_REGION: region,
    RCLONE_CONFIG_SINK_ACCESS_KEY_ID: keys.accessKey,
    RCLONE_CONFIG_SINK_SECRET_ACCESS_KEY: keys.secretKey,
  };
}

/** Variables by which the AWS SDKs and `aws` find region and keys. */
export function awsVariables({ region, keys }: Store): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: keys.accessKey,
    AWS_SECRET_ACCESS_KEY: keys.secretKey,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}
