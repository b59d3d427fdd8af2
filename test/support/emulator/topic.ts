import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Announcement } from '../../../functions/handlers/announce.ts';
import type { Emulator } from './emulator.ts';
import { clientOptions } from './stack.ts';

/** A queue that is subscribed to the announcements of a stack, with a filter by attributes. */
export interface Subscriber {
  /** All announcements so far. */
  received(): Promise<readonly Announcement[]>;
}

const RECEIVED_AT_ONCE = 10;

export async function subscribe(
  emulator: Emulator,
  topicArn: string,
  { name, filter }: { name: string; filter?: Readonly<Record<string, readonly string[]>> },
): Promise<Subscriber> {
  const sqs = new SQSClient(clientOptions(emulator));
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'sns.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: Attributes['QueueArn'],
        Condition: { ArnEquals: { 'aws:SourceArn': topicArn } },
      },
    ],
  });
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }));
  await new SNSClient(clientOptions(emulator)).send(
    new SubscribeCommand({
      TopicArn: topicArn,
      Protocol: 'sqs',
      Endpoint: Attributes['QueueArn'],
      Attributes: {
        RawMessageDelivery: 'true',
        ...(filter !== undefined && { FilterPolicy: JSON.stringify(filter) }),
      },
    }),
  );
  const received: Announcement[] = [];
  return {
    async received() {
      for (;;) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: RECEIVED_AT_ONCE }),
        );
        if (Messages.length === 0) return received;
        for (const { Body = '', ReceiptHandle } of Messages) {
          received.push(JSON.parse(Body) as Announcement);
          await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
        }
      }
    },
  };
}
