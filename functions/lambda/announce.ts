import { type MessageAttributeValue, PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { type Announcement, announce, isAnnounced } from '../handlers/announce.ts';
import { type Invocation, openInvocation, requiredVariable } from './environment.ts';
import { measure } from './measure.ts';
import { onMessages } from './messages.ts';
import type { Metric, Values } from './metrics.ts';

const client = new SNSClient({});

/** Publishes verdicts, outcomes and the ends of copies to the topic of announcements. */
export const handler = onMessages<string>(openInvocation, {
  workOf: (key) => (isAnnounced(key) ? { name: `announcement of ${key}`, work: key } : undefined),
  run: (given, key) =>
    measure(given, async (deps): Promise<Values> => {
      const announced = await announce(deps, key, (announcement) => publish(deps, announcement));
      if (announced === undefined) return {};
      const unusual = (announced.warningsTotal ?? 0) > 0;
      return { [metricOf(announced)]: 1, ...(unusual && { SetsUnusual: 1 }) };
    }),
});

async function publish({ signal }: Invocation, announcement: Announcement): Promise<void> {
  const { kind, status, level } = announcement;
  const input = {
    TopicArn: requiredVariable('STOWAGE_TOPIC', 'the topic of announcements'),
    Message: JSON.stringify(announcement),
    // Subscriptions can filter by these without parsing the message.
    MessageAttributes: attributes({ kind, status, ...(level === undefined ? {} : { level }) }),
  };
  const options = signal === undefined ? {} : { abortSignal: signal };
  await client.send(new PublishCommand(input), options);
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

function metricOf({ kind, status, level }: Announcement): Metric {
  // A drill says nothing about the status of the set.
  if (level === 'drill' && status !== 'complete') return 'DrillsFailed';
  if (kind === 'locks') return status === 'complete' ? 'LocksExtended' : 'LocksNotExtended';
  if (kind !== 'replication') return METRIC_OF[status];
  return status === 'complete' ? 'SetsReplicated' : 'ReplicationsFailed';
}
