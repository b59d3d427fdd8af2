import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { eachInFlight } from '../../async/each-in-flight.ts';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { createdKeys } from '../events/created-keys.ts';
import type { Invocation } from './environment.ts';

/** Groups at once: small reads and writes; more would only hold more documents in memory. */
const RUNNING_MAX = 4;
/** Bounds of the log line about keys that are not for this function. */
const SHOWN_KEYS_MAX = 5;
const SHOWN_CHARACTERS_MAX = 200;

/** How a function treats keys. The keys of one group are processed once. */
export interface Lane<T> {
  /** The work for a key and the name of its group; undefined for keys of other functions. */
  readonly workOf: (key: string) => { readonly name: string; readonly work: T } | undefined;
  readonly run: (invocation: Invocation, work: T) => Promise<void>;
}

interface Group<T> {
  readonly work: T;
  readonly messages: Set<string>;
}

/**
 * The handler of a queue that EventBridge fills (or S3's own notifications, or SNS). The messages
 * of one set or restore run one job. When it fails, only these messages are returned to the queue,
 * as is a message that cannot be read.
 */
export function onMessages<T>(open: (context: Context) => Promise<Invocation>, lane: Lane<T>) {
  return async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
    const invocation = await open(context);
    const failed = new Set<string>();
    const groups = new Map<string, Group<T>>();
    for (const { messageId, body } of event.Records) {
      try {
        for (const { name, work } of worksIn(invocation, lane, body)) {
          const group = groups.get(name) ?? { work, messages: new Set() };
          groups.set(name, group);
          group.messages.add(messageId);
        }
      } catch (error) {
        invocation.log.error(
          { err: error, messageId },
          `cannot read the message: ${messageOf(error)}`,
        );
        failed.add(messageId);
      }
    }
    await eachInFlight(groups, RUNNING_MAX, async ([name, { work, messages }]) => {
      try {
        invocation.signal?.throwIfAborted();
        await lane.run(invocation, work);
      } catch (error) {
        const fields = { err: error, messages: messages.size };
        invocation.log.error(fields, `${name} failed: ${messageOf(error)}`);
        for (const message of messages) failed.add(message);
      }
    });
    return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
  };
}

/** @throws StowageError `set/unreadable` when the body is not JSON. */
function worksIn<T>({ store, log }: Invocation, lane: Lane<T>, body: string) {
  const { keys, ignored } = createdKeys(store.url, parse(body));
  const works = keys.map(lane.workOf).filter((work) => work !== undefined);
  if (works.length === 0) {
    const shown = keys.slice(0, SHOWN_KEYS_MAX).map((key) => key.slice(0, SHOWN_CHARACTERS_MAX));
    const fields = { keys: shown, ignored: ignored.slice(0, SHOWN_KEYS_MAX) };
    log.info(fields, 'message ignored: it has no key for this function');
  }
  return works;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new StowageError('set/unreadable', 'the message is not JSON', { cause });
  }
}
