import type { ChannelSettings } from '../settings.ts';
import type { Sender } from './channel.ts';

/** SNS limits a subject to 100 characters of ASCII. */
const SUBJECT_CHARS_MAX = 100;

/** Publishes the body as JSON, with attributes by which a subscription can filter. */
export function snsSender({ topic, region }: NonNullable<ChannelSettings['sns']>): Sender {
  return async ({ subject, body }, signal) => {
    const { PublishCommand, SNSClient } = await import('@aws-sdk/client-sns');
    const client = new SNSClient({ region: region ?? topic.split(':')[3] ?? '' });
    const attribute = (value: unknown) => ({ DataType: 'String', StringValue: String(value) });
    try {
      const command = new PublishCommand({
        TopicArn: topic,
        Subject: subject.replace(/[^\x20-\x7e]/g, '?').slice(0, SUBJECT_CHARS_MAX),
        Message: JSON.stringify(body),
        MessageAttributes: {
          event: attribute(body['event']),
          severity: attribute(body['severity']),
        },
      });
      const { MessageId } = await client.send(command, { abortSignal: signal });
      return `message ${MessageId}`;
    } finally {
      client.destroy();
    }
  };
}
