import { LANES, pascal, SWEEP } from './lanes.mjs';
import { visibilityOf } from './queues.mjs';

/** Included by serverless.yml: what somebody should be told of. docs/deploy-aws.md says what to do about each. */
export const resources = () => ({
  Resources: { ...ofQueues(), ...ofFunctions(), ...ofMetrics() },
});

const MINUTE = 60;
const HOUR = 60 * MINUTE;
/** SweepMinutes of parameters.yml allows no more. */
const SWEEP_MINUTES_MAX = 30;
/** The functions count under the root as it is configured: STOWAGE_ROOT. */
const ROOT = { Name: 'Root', Value: { 'Fn::Sub': `s3://\${BucketName}/\${RootPrefix}` } };

/** A message that nobody could deal with: what it announced was left to the sweeper. */
function ofQueues() {
  const alarms = LANES.map(({ name }) => [
    `${pascal(name)}DeadLettersAlarm`,
    alarm(`A message for ${name} could not be dealt with; read it in the queue of dead letters`, {
      Namespace: 'AWS/SQS',
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Dimensions: [
        { Name: 'QueueName', Value: { 'Fn::GetAtt': [`${pascal(name)}DeadLetters`, 'QueueName'] } },
      ],
      Statistic: 'Maximum',
      Period: 5 * MINUTE,
    }),
  ]);
  return Object.fromEntries(alarms);
}

/** A function that ended badly as a whole: no memory, no time, no right to read its queue; or a sweep with problems. */
function ofFunctions() {
  const alarms = [...LANES, SWEEP].map((lane) => [
    `${pascal(lane.name)}ErrorsAlarm`,
    alarm(`The function ${lane.name} fails; its log says why`, {
      Namespace: 'AWS/Lambda',
      MetricName: 'Errors',
      Dimensions: [{ Name: 'FunctionName', Value: { Ref: `${pascal(lane.name)}LambdaFunction` } }],
      ...moreThanOnce(lane === SWEEP ? SWEEP_MINUTES_MAX * MINUTE : visibilityOf(lane)),
    }),
  ]);
  return Object.fromEntries(alarms);
}

/**
 * Once is a hiccup of the network, and the work is done again; but only when the message is seen again, or with the next
 * sweep. Who looks back over less than two of these pauses never sees the second failure.
 */
const moreThanOnce = (pauseSeconds) => ({
  Statistic: 'Sum',
  Period: Math.max(HOUR, 2 * pauseSeconds),
  Threshold: 1,
});

/** From the functions' own metrics (functions/lambda/metrics.ts). */
function ofMetrics() {
  const metric = (MetricName, more) => ({
    Namespace: 'Stowage',
    MetricName,
    Dimensions: [ROOT],
    ...more,
  });
  return {
    SetsOverdueAlarm: alarm(
      'Nothing moves any more in a set that is not sealed: stowage list shows it, its verdict says what is missing',
      metric('SetsOverdue', { Statistic: 'Maximum', Period: HOUR }),
    ),
    NoCompleteSetAlarm: alarm(
      'There is no complete set that is young enough; or nobody sweeps, or there never was one',
      metric('HoursSinceCompleteSet', {
        Statistic: 'Minimum',
        Period: HOUR,
        Threshold: { Ref: 'HoursWithoutCompleteSetMax' },
        // Who says nothing has no complete set, or does not look.
        TreatMissingData: 'breaching',
      }),
    ),
    DamagedAlarm: alarm(
      'A set is damaged: its newest verdict names objects and segments; keep other sets of its data',
      metric('VerdictsDamaged', { Statistic: 'Sum', Period: 5 * MINUTE }),
    ),
    IncompleteAlarm: alarm(
      'A backup has ended, and its set is incomplete: its verdict names what is missing',
      metric('VerdictsIncomplete', { Statistic: 'Sum', Period: 5 * MINUTE }),
    ),
    ReplicationFailedAlarm: alarm(
      'A validated set could not be copied to the alternate location; the outcome of the task says why',
      metric('ReplicationsFailed', { Statistic: 'Sum', Period: 5 * MINUTE }),
    ),
    RestoreFailedAlarm: alarm(
      'A restore has failed; its outcome says which segment, and why',
      metric('RestoresFailed', { Statistic: 'Sum', Period: 5 * MINUTE }),
    ),
    JobsFailedAlarm: alarm(
      'The work on a set or restore fails again and again; the log of the function says which and why',
      // One hour's trouble of S3 may fail many; work that fails again does so in another hour.
      metric('JobsFailed', {
        Statistic: 'Sum',
        Period: HOUR,
        EvaluationPeriods: 1 + Math.ceil((2 * Math.max(...LANES.map(visibilityOf))) / HOUR),
        DatapointsToAlarm: 2,
      }),
    ),
  };
}

const alarm = (AlarmDescription, metric) => ({
  Type: 'AWS::CloudWatch::Alarm',
  Properties: {
    AlarmDescription,
    ComparisonOperator: 'GreaterThanThreshold',
    Threshold: 0,
    EvaluationPeriods: 1,
    TreatMissingData: 'notBreaching',
    ...metric,
    AlarmActions: [{ Ref: 'Alarms' }],
    OKActions: [{ Ref: 'Alarms' }],
  },
});
