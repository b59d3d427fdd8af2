import { createHash, createHmac } from 'node:crypto';
import {
  type Event,
  PutBucketNotificationConfigurationCommand,
  type S3Client,
} from '@aws-sdk/client-s3';

export interface Subscription {
  readonly topicArn: string;
}

interface Server {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly client: S3Client;
}

export interface SubscribeOptions {
  /** Only keys with this prefix or suffix. */
  readonly prefix?: string;
  readonly suffix?: string;
  readonly persistent?: boolean;
}

type BucketSubscription = SubscribeOptions & {
  readonly bucket: string;
  readonly pushEndpoint: string;
};

const EVENTS: Event[] = ['s3:ObjectCreated:*'];

/**
 * Sends the events of created objects to an HTTP receiver. The topic is persistent by default: with
 * any other topic every PUT waits for the receiver, and a failure loses the event. The receiver
 * must listen and answer 200 at once: Ceph 16 retries without pause on 500, and never after a
 * refused connection.
 */
export async function subscribeBucket(
  server: Server,
  wanted: BucketSubscription,
): Promise<Subscription> {
  const name = `${wanted.bucket}-${createHash('sha256').update(wanted.pushEndpoint).digest('hex').slice(0, 8)}`;
  const topicArn = await createTopic(server, name, {
    'push-endpoint': wanted.pushEndpoint,
    persistent: String(wanted.persistent ?? true),
    OpaqueData: '',
  });
  const rules = [
    ...(wanted.prefix === undefined ? [] : [{ Name: 'prefix' as const, Value: wanted.prefix }]),
    ...(wanted.suffix === undefined ? [] : [{ Name: 'suffix' as const, Value: wanted.suffix }]),
  ];
  await server.client.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: wanted.bucket,
      NotificationConfiguration: {
        TopicConfigurations: [
          {
            Id: name,
            TopicArn: topicArn,
            Events: EVENTS,
            ...(rules.length > 0 && { Filter: { Key: { FilterRules: rules } } }),
          },
        ],
      },
    }),
  );
  return { topicArn };
}

/** Ceph's SNS-compatible call: one form, posted to the gateway's root. */
async function createTopic(
  server: Server,
  name: string,
  attributes: Record<string, string>,
): Promise<string> {
  const form = new URLSearchParams({ Action: 'CreateTopic', Version: '2010-03-31', Name: name });
  Object.entries(attributes).forEach(([key, value], index) => {
    form.set(`Attributes.entry.${index + 1}.key`, key);
    form.set(`Attributes.entry.${index + 1}.value`, value);
  });
  const body = form.toString();
  const response = await fetch(server.endpoint, {
    method: 'POST',
    body,
    headers: signed(server, body),
  });
  const text = await response.text();
  const arn = /<TopicArn>([^<]+)<\/TopicArn>/.exec(text)?.[1];
  if (!response.ok || arn === undefined)
    throw new Error(`creating topic ${name}: HTTP ${response.status} ${text}`);
  return arn;
}

/** AWS Signature Version 4 for this one request. */
function signed(server: Server, body: string): Record<string, string> {
  const contentType = 'application/x-www-form-urlencoded; charset=utf-8';
  const instant = new Date().toISOString().replace(/[:-]|\.\d{3}/g, '');
  const scope = `${instant.slice(0, 8)}/${server.region}/sns/aws4_request`;
  const names = 'content-type;host;x-amz-content-sha256;x-amz-date';
  const payload = sha256(body);
  const canonical = [
    'POST\n/\n',
    `content-type:${contentType}`,
    `host:${new URL(server.endpoint).host}`,
    `x-amz-content-sha256:${payload}`,
    `x-amz-date:${instant}`,
    `\n${names}`,
    payload,
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', instant, scope, sha256(canonical)].join('\n');
  const key = scope
    .split('/')
    .reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${server.secretKey}`);
  return {
    'content-type': contentType,
    'x-amz-content-sha256': payload,
    'x-amz-date': instant,
    authorization: `AWS4-HMAC-SHA256 Credential=${server.accessKey}/${scope}, SignedHeaders=${names}, Signature=${hmac(key, toSign).toString('hex')}`,
  };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) =>
  createHmac('sha256', key).update(text).digest();
