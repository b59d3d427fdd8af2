import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { freePort } from '../servers/free-port.ts';
import { builtServer, startProgram } from './program.ts';
import {
  ADMIN,
  answers,
  clientOf,
  type StoreDefinition,
  type StoreServer,
} from './store-server.ts';
import { writeOnlyStatement } from './write-only.ts';

const { version, program } = builtServer('versitygw');
const SHIPPER = { accessKeyId: 'shipper', secretAccessKey: 'shipper-secret-key' };

/** S3 over a directory. */
export const versitygw: StoreDefinition = {
  id: 'versitygw',
  name: 'versitygw (posix)',
  version,
  createsAtomically: true,
  hasWriteOnlyUsers: true,
  checksKeys: true,
  events: 'one receiver for all buckets',
  objectMayBeFolder: false,
  abortedUploadMayReturn: true,
  segmentBytesMax: 255,
  async start({ webhook }) {
    const port = await freePort();
    const endpoint = `http://127.0.0.1:${port}`;
    const running = await startProgram(
      program,
      async (folder) => {
        for (const name of ['data', 'versions', 'users']) await mkdir(`${folder}/${name}`);
        return [
          ...['--port', `127.0.0.1:${port}`, '--iam-dir', `${folder}/users`, '--keep-alive'],
          ...['--event-webhook-url', webhook],
          ...['posix', '--versioning-dir', `${folder}/versions`, `${folder}/data`],
        ];
      },
      { ROOT_ACCESS_KEY: ADMIN.accessKeyId, ROOT_SECRET_KEY: ADMIN.secretAccessKey },
    );
    await running.waitUntil(() => answers(endpoint, ADMIN));
    return { endpoint, keys: ADMIN, stop: () => running.stop(), writeOnlyKeys: users(endpoint) };
  },
};

function users(endpoint: string): StoreServer['writeOnlyKeys'] {
  let isCreated = false;
  return async (bucket) => {
    if (!isCreated)
      await promisify(execFile)(program, [
        ...['admin', '--access', ADMIN.accessKeyId, '--secret', ADMIN.secretAccessKey],
        ...['--endpoint-url', endpoint, 'create-user', '--role', 'user'],
        ...['--access', SHIPPER.accessKeyId, '--secret', SHIPPER.secretAccessKey],
      ]);
    isCreated = true;
    const statement = { ...writeOnlyStatement(bucket), Principal: { AWS: SHIPPER.accessKeyId } };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
    const admin = clientOf(endpoint, ADMIN);
    await admin.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
    admin.destroy();
    return SHIPPER;
  };
}
