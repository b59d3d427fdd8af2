import { createSign } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { FetchText } from '../../../functions/serve/sns.ts';
import { makeCertificates } from '../../support/servers/certificates.ts';
import { freshDeps } from '../functions/place.ts';
import { eventsOf, post, serving } from './serving.ts';

const certificates = await makeCertificates();
const amazon = await certificates.selfSigned('sns.amazonaws.com');
const other = await certificates.selfSigned('other');
afterAll(() => certificates.remove());

const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:backups';
const CERTIFICATE = 'https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123.pem';
const SEAL = formatKey({ kind: 'seal', timestamp: '20260131010203' });

type Message = Readonly<Record<string, string>>;

/** Signs as Amazon's developer guide says, without the code under test. */
function signed(message: Message, key = amazon.key): Message {
  const order =
    message['Type'] === 'Notification'
      ? 'Message MessageId Subject Timestamp TopicArn Type'
      : 'Message MessageId SubscribeURL Timestamp Token TopicArn Type';
  let text = '';
  for (const name of order.split(' ')) if (name in message) text += `${name}\n${message[name]}\n`;
  const digest = message['SignatureVersion'] === '2' ? 'sha256' : 'sha1';
  return { ...message, Signature: createSign(digest).update(text).sign(key, 'base64') };
}

const notification = (more: Message = {}): Message => ({
  Type: 'Notification',
  MessageId: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
  TopicArn: TOPIC,
  Subject: 'Amazon S3 Notification',
  Message: eventsOf([SEAL]),
  Timestamp: '2026-01-31T01:02:03.456Z',
  SignatureVersion: '1',
  SigningCertURL: CERTIFICATE,
  UnsubscribeURL: 'https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe',
  ...more,
});

const confirmation = (more: Message = {}): Message => ({
  Type: 'SubscriptionConfirmation',
  MessageId: '165545c9-2a5c-472c-8df2-7ff2be2b3b1b',
  Token: '2336412f37',
  TopicArn: TOPIC,
  Message: 'You have chosen to subscribe to the topic.',
  SubscribeURL: `https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${TOPIC}&Token=2336412f37`,
  Timestamp: '2026-01-31T01:02:03.456Z',
  SignatureVersion: '2',
  SigningCertURL: CERTIFICATE,
  ...more,
});

/** A server that accepts TOPIC, and the URLs that it fetched from "Amazon". */
async function serverOfTopic(fetchText: FetchText = async () => amazon.cert) {
  const fetched: string[] = [];
  const { url } = await serving(await freshDeps(), {
    snsTopics: [TOPIC],
    fetchText(address) {
      fetched.push(address.href);
      return fetchText(address);
    },
  });
  return { fetched, send: (message: Message) => post(url, JSON.stringify(message)) };
}

describe('an SNS message', () => {
  it.each(['1', '2'])(
    'with a valid signature of version %s is accepted, and its certificate is fetched once',
    async (version) => {
      const { send, fetched } = await serverOfTopic();
      const message = signed(notification({ SignatureVersion: version }));
      const answers = await Promise.all([send(message), send(message), send(message)]);
      for (const answer of answers) expect(await answer.json()).toMatchObject({ taken: 1 });
      const { Subject, ...bare } = notification({ SignatureVersion: version });
      expect((await send(signed(bare))).status).toBe(200);
      expect(fetched).toEqual([CERTIFICATE]);
    },
  );

  it('to confirm the subscription of a configured topic is answered with the confirmation', async () => {
    const { send, fetched } = await serverOfTopic();
    expect((await send(signed(confirmation()))).status).toBe(200);
    expect(fetched).toEqual([CERTIFICATE, confirmation()['SubscribeURL']]);
  });

  it.each([
    ['of another topic', notification({ TopicArn: `${TOPIC}2` }), amazon.key],
    ['signed with another key', notification(), other.key],
    ['that confirms another topic', confirmation({ TopicArn: `${TOPIC}2` }), amazon.key],
    ['that confirms, signed with another key', confirmation(), other.key],
    [
      'whose SubscribeURL is not of SNS',
      confirmation({ SubscribeURL: 'https://169.254.169.254/' }),
      amazon.key,
    ],
  ])('%s is rejected, and no subscription is confirmed', async (_, message, key) => {
    const { send, fetched } = await serverOfTopic();
    expect((await send(signed(message, key))).status).toBe(403);
    expect(fetched.filter((url) => url !== CERTIFICATE)).toEqual([]);
  });

  it.each([
    'http://sns.eu-central-1.amazonaws.com/x.pem',
    'https://sns.eu-central-1.amazonaws.com.evil.example/x.pem',
    'https://evil.example/sns.eu-central-1.amazonaws.com/x.pem',
    'https://sns.eu-central-1.amazonaws.com@evil.example/x.pem',
    'https://user@sns.eu-central-1.amazonaws.com/x.pem',
    'https://sns.eu-central-1.amazonaws.com:8443/x.pem',
    'https://bucket.s3.amazonaws.com/x.pem',
    'https://sns.eu-central-1.amazonaws.com/?Action=GetTopicAttributes&x=/SimpleNotificationService-0123.pem',
    'https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123.pem?Action=GetTopicAttributes',
    'file:///etc/passwd',
    '',
  ])('with the certificate URL %j is rejected, and nothing is fetched', async (SigningCertURL) => {
    const { send, fetched } = await serverOfTopic();
    expect((await send(signed(notification({ SigningCertURL })))).status).toBe(403);
    expect(fetched).toEqual([]);
  });

  it.each(['Message', 'Subject', 'Timestamp', 'MessageId'])(
    'with an altered %s is rejected',
    async (field) => {
      const { send } = await serverOfTopic();
      expect((await send({ ...signed(notification()), [field]: 'altered' })).status).toBe(403);
    },
  );

  it('is rejected without a signature', async () => {
    const { send } = await serverOfTopic();
    const { Type = '', Message = '' } = notification();
    expect((await send({ Type, Message })).status).toBe(403);
    expect((await send(notification({ Signature: 'FAKE' }))).status).toBe(403);
  });

  it('is answered with 503 while Amazon cannot be reached, and accepted when SNS retries', async () => {
    let broken = true;
    const { send } = await serverOfTopic(async () => {
      if (broken) throw new Error('no route to host');
      return amazon.cert;
    });
    expect((await send(signed(notification()))).status).toBe(503);
    broken = false;
    expect((await send(signed(notification()))).status).toBe(200);
  });

  it('is rejected after its certificate has expired', async () => {
    const clock = () => new Date(Date.now() + 3 * 86_400_000);
    const deps = await freshDeps(clock);
    const { url } = await serving(deps, { snsTopics: [TOPIC], fetchText: async () => amazon.cert });
    expect((await post(url, JSON.stringify(signed(notification())))).status).toBe(403);
  });

  it('is rejected when no topic is configured', async () => {
    const { url } = await serving(await freshDeps(), { fetchText: async () => amazon.cert });
    expect((await post(url, JSON.stringify(signed(notification())))).status).toBe(403);
  });
});
