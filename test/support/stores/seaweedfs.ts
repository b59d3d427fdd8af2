import { writeFile } from 'node:fs/promises';
import { freePort } from '../servers/free-port.ts';
import { builtServer, startProgram } from './program.ts';
import { ADMIN, answers, type StoreDefinition } from './store-server.ts';
import { writeOnlyStatement } from './write-only.ts';

const { version, program } = builtServer('seaweedfs');
const SHIPPER = { accessKeyId: 'shipper', secretAccessKey: 'shipper-secret-key' };

/** SeaweedFS with one master, one volume server, one filer and its S3 gateway in one process. */
export const seaweedfs: StoreDefinition = {
  id: 'seaweedfs',
  name: 'SeaweedFS',
  version,
  createsAtomically: true,
  hasWriteOnlyUsers: true,
  checksKeys: true,
  events: 'not tried',
  objectMayBeFolder: true,
  listsEmptiedFolders: true,
  segmentBytesMax: 255,
  async start() {
    const port = await freePort();
    const endpoint = `http://127.0.0.1:${port}`;
    const running = await startProgram(program, async (folder) => {
      await writeFile(`${folder}/s3.json`, JSON.stringify(USERS));
      return [
        ...['server', `-dir=${folder}`, '-ip=127.0.0.1', '-ip.bind=127.0.0.1', '-filer', '-s3'],
        `-s3.port=${port}`,
        `-s3.config=${folder}/s3.json`,
        // Small volumes, because each bucket gets some of its own.
        ...['-master.volumeSizeLimitMB=64', '-volume.max=0', '-volume.preStopSeconds=0'],
        ...['-master.telemetry=false', '-s3.port.iceberg=0', '-s3.port.lance=0'],
        ...['-s3.autoCreateBucket=false', '-master.electionTimeout=1s'],
        // Otherwise it stores the key `a\b` as `a/b`. No key of Stowage has a backslash.
        '-s3.allowBackslashInKey=true',
        `-s3.localSocket=${folder}/s3.sock`,
        `-filer.localSocket=${folder}/filer.sock`,
        ...(await otherPorts()),
      ];
    });
    await running.waitUntil(() => answers(endpoint, ADMIN));
    return {
      endpoint,
      keys: ADMIN,
      writeOnlyKeys: () => Promise.resolve(SHIPPER),
      stop: () => running.stop(),
    };
  },
};

async function otherPorts(): Promise<string[]> {
  const names = ['master.port', 'volume.port', 'filer.port'];
  const all = [...names, ...names.map((name) => `${name}.grpc`), 's3.port.grpc'];
  return Promise.all(all.map(async (name) => `-${name}=${await freePort()}`));
}

const policy = { Version: '2012-10-17', Statement: [writeOnlyStatement('shipper-*')] };

/** The gateway reads its users from a file; this one exists for the buckets `shipper-…`. */
const USERS = {
  identities: [
    { name: 'admin', credentials: [keysOf(ADMIN)], actions: ['Admin'] },
    { name: 'shipper', credentials: [keysOf(SHIPPER)], policyNames: ['write-only'] },
  ],
  policies: [{ name: 'write-only', content: JSON.stringify(policy) }],
};

function keysOf({ accessKeyId, secretAccessKey }: typeof ADMIN) {
  return { accessKey: accessKeyId, secretKey: secretAccessKey };
}
