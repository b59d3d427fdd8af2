import { type MessageAttributeValue, PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { type Announcement, announcementOf, isAnnounced } from '../handlers/announce.ts';
import { type Invocation, openInvocation, requiredVariable } from './environment.ts';
import { measure } from './measured.ts';
import { onMessages } from './messages.ts';
import type { Metric, Values } from './metrics.ts';

const client = new SNSClient({});

/** Publishes verdicts, outcomes and the ends of copies to the topic of announcements. */
export const handler = onMessages<string>(openInvocation, {
  workOf: (key) => (isAnnounced(key) ? { name: `announcement of ${key}`, work: key } : undefined),
  run: (given, key) => measure(given, (deps) => announce(deps, key)),
});

async function announce(deps: Invocation, key: string): Promise<Values> {
  const announcement = await announcementOf(deps, key);
  if (announcement === undefined) return {};
  const { kind, status, level } = announcement;
  const input = {
    TopicArn: requiredVariable('STOWAGE_TOPIC', 'the topic of announcements'),
    Message: JSON.stringify(announcement),
    // Subscriptions can filter by these without parsing the message.
    MessageAttributes: attributes({ kind, status, ...(level === undefined ? {} : { level }) }),
  };
  await client.send(
    new PublishCommand(input),
    deps.signal === undefined ? {} : { abortSignal: deps.signal },
  );
  deps.log.info({ key, kind, status, level, set: announcement.set }, 'announced');
  return { [metricOf(announcement)]: 1 };
}

function attributes(
  values: Readonly<Record<string, string>>,
): Record<string, MessageAttributeValue> {
  return Object.fromEntries(
    Object.entries(values).map(([name, StringValue]) => [
      name,
      { DataType: 'String', StringValue },
    ]),
  );
}

const METRIC_OF: Readonly<Record<Announcement['status'], Metric>> = {
  complete: 'VerdictsComplete',
  incomplete: 'VerdictsIncomplete',
  damaged: 'VerdictsDamaged',
  restored: 'RestoresRestored',
  failed: 'RestoresFailed',
  refused: 'RestoresRefused',
};

function metricOf({ kind, status }: Announcement): Metric {
  if (kind !== 'replication') return METRIC_OF[status];
  return status === 'complete' ? 'SetsReplicated' : 'ReplicationsFailed';
}
