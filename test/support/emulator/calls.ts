import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Emulator } from './emulator.ts';
import { clientOptions } from './stack.ts';

export interface Invoked {
  /** What the function returned; its error's document when it failed. */
  readonly payload: Readonly<Record<string, unknown>>;
  readonly failed: boolean;
  /** The last 4 KB of its log. */
  readonly log: string;
  readonly ms: number;
}

/** Calls a function and waits for its result. */
export async function invoke(emulator: Emulator, name: string, event: unknown): Promise<Invoked> {
  const client = new LambdaClient(clientOptions(emulator));
  const startedAt = performance.now();
  const { Payload, LogResult, FunctionError } = await client.send(
    new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event), LogType: 'Tail' }),
  );
  const text = Buffer.from(Payload ?? []).toString();
  return {
    payload: (text === '' ? {} : JSON.parse(text)) as Invoked['payload'],
    failed: FunctionError !== undefined,
    log: Buffer.from(LogResult ?? '', 'base64').toString(),
    ms: performance.now() - startedAt,
  };
}

/** The message that EventBridge puts into a queue for a created object. */
export const objectCreated = (bucket: string, key: string) =>
  JSON.stringify({
    version: '0',
    source: 'aws.s3',
    'detail-type': 'Object Created',
    detail: {
      version: '0',
      bucket: { name: bucket },
      object: { key, size: 1 },
      reason: 'PutObject',
    },
  });

/** Puts a message into a queue directly, without EventBridge. */
export async function send(
  emulator: Emulator,
  QueueUrl: string,
  MessageBody: string,
): Promise<void> {
  await new SQSClient(clientOptions(emulator)).send(
    new SendMessageCommand({ QueueUrl, MessageBody }),
  );
}

/** Sets the time after which a failed message is delivered again. */
export async function setVisibility(
  emulator: Emulator,
  QueueUrl: string,
  seconds: number,
): Promise<void> {
  const Attributes = { VisibilityTimeout: String(seconds) };
  await new SQSClient(clientOptions(emulator)).send(
    new SetQueueAttributesCommand({ QueueUrl, Attributes }),
  );
}

/** The number of messages that wait or are in flight. */
export async function messagesIn(emulator: Emulator, QueueUrl: string): Promise<number> {
  const waiting = 'ApproximateNumberOfMessages';
  const worked = 'ApproximateNumberOfMessagesNotVisible';
  const { Attributes = {} } = await new SQSClient(clientOptions(emulator)).send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [waiting, worked] }),
  );
  return Number(Attributes[waiting]) + Number(Attributes[worked]);
}

/** The bodies of up to ten messages, which stay in the queue. */
export async function bodiesIn(emulator: Emulator, QueueUrl: string): Promise<string[]> {
  const { Messages = [] } = await new SQSClient(clientOptions(emulator)).send(
    new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 0 }),
  );
  return Messages.map(({ Body = '' }) => Body);
}
