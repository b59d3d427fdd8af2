import { PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { startCeph } from '../ceph/ceph.ts';
import type { StoreDefinition } from './store-server.ts';
import { writeOnlyStatement } from './write-only.ts';

/** Ceph's Object Gateway, as Debian packages it. */
export const ceph: StoreDefinition = {
  id: 'ceph',
  name: 'Ceph RGW',
  version: '16.2.15',
  createsAtomically: true,
  hasWriteOnlyUsers: true,
  checksKeys: true,
  events: 'per bucket',
  objectMayBeFolder: true,
  segmentBytesMax: 900,
  async start({ webhook }) {
    const server = await startCeph();
    const shipper = await server.createUser('shipper');
    return {
      endpoint: server.endpoint,
      keys: { accessKeyId: server.accessKey, secretAccessKey: server.secretKey },
      async writeOnlyKeys(bucket) {
        // An object belongs to the user that wrote it, so its writer could read it.
        const own = { Principal: { AWS: ['arn:aws:iam:::user/shipper'] } };
        const deny = { Effect: 'Deny', Action: ['s3:GetObject'] };
        const { Resource } = writeOnlyStatement(bucket);
        const whole = [...Resource, `arn:aws:s3:::${bucket}`];
        const owner = { Effect: 'Allow', Principal: { AWS: ['arn:aws:iam:::user/stowage'] } };
        const Statement = [
          { ...owner, Action: ['s3:*'], Resource: whole },
          { ...writeOnlyStatement(bucket), ...own },
          { ...deny, ...own, Resource },
        ];
        const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
        await server.client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
        return { accessKeyId: shipper.accessKey, secretAccessKey: shipper.secretKey };
      },
      async subscribe(bucket) {
        await server.subscribe(bucket, webhook);
      },
      stop: () => server.stop(),
    };
  },
};
