import { mkdir } from 'node:fs/promises';
import { PutBucketNotificationConfigurationCommand } from '@aws-sdk/client-s3';
import { freePort } from '../servers/free-port.ts';
import { assumeRole } from './assume-role.ts';
import { builtServer, startProgram } from './program.ts';
import { ADMIN, answers, clientOf, type StoreDefinition } from './store-server.ts';
import { writeOnlyStatement } from './write-only.ts';

const { version, program } = builtServer('minio');

/** MinIO on one folder. */
export const minio: StoreDefinition = {
  id: 'minio',
  name: 'MinIO',
  version,
  createsAtomically: true,
  hasWriteOnlyUsers: true,
  checksKeys: true,
  events: 'per bucket',
  objectMayBeFolder: 'not listed',
  listsUploadsByKeyOnly: true,
  segmentBytesMax: 255,
  async start({ webhook }) {
    const [port, consolePort] = [await freePort(), await freePort()];
    const endpoint = `http://127.0.0.1:${port}`;
    const running = await startProgram(
      program,
      async (folder) => {
        await mkdir(`${folder}/data`);
        const console = `127.0.0.1:${consolePort}`;
        const addresses = ['--address', `127.0.0.1:${port}`, '--console-address', console];
        return ['server', ...addresses, `${folder}/data`];
      },
      {
        MINIO_ROOT_USER: ADMIN.accessKeyId,
        MINIO_ROOT_PASSWORD: ADMIN.secretAccessKey,
        MINIO_BROWSER: 'off',
        MINIO_UPDATE: 'off',
        MINIO_NOTIFY_WEBHOOK_ENABLE_STOWAGE: 'on',
        MINIO_NOTIFY_WEBHOOK_ENDPOINT_STOWAGE: webhook,
      },
    );
    await running.waitUntil(() => answers(endpoint, ADMIN));
    return {
      endpoint,
      keys: ADMIN,
      writeOnlyKeys: (bucket) => assumeRole(endpoint, ADMIN, writeOnlyStatement(bucket)),
      async subscribe(bucket) {
        const admin = clientOf(endpoint, ADMIN);
        const queue = { QueueArn: 'arn:minio:sqs::STOWAGE:webhook', Id: 'stowage' };
        await admin.send(
          new PutBucketNotificationConfigurationCommand({
            Bucket: bucket,
            NotificationConfiguration: {
              QueueConfigurations: [{ ...queue, Events: ['s3:ObjectCreated:*'] }],
            },
          }),
        );
        admin.destroy();
      },
      stop: () => running.stop(),
    };
  },
};
