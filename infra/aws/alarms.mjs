import { LANES, pascal, SCHEDULED, SWEEP } from './lanes.mjs';
import { visibilityOf } from './queues.mjs';

/** Included by serverless.yml: the alarms. docs/deploy-aws.md says what to do about each. */
export const resources = () => ({
  Resources: { ...ofQueues(), ...ofFunctions(), ...ofMetrics() },
});

const MINUTE = 60;
const HOUR = 60 * MINUTE;
/** The maximum of SweepMinutes in parameters.yml. */
const SWEEP_MINUTES_MAX = 30;
/** The dimension of the functions' metrics: the root as configured in STOWAGE_ROOT. */
const ROOT = { Name: 'Root', Value: { 'Fn::Sub': `s3://\${BucketName}/\${RootPrefix}` } };

/** A message that failed five times. The sweeper does the work of its event. */
function ofQueues() {
  const alarms = LANES.map(({ name }) => [
    `${pascal(name)}DeadLettersAlarm`,
    alarm(
      `The function ${name} failed on a message again and again; read it in the dead-letter queue`,
      {
        Namespace: 'AWS/SQS',
        MetricName: 'ApproximateNumberOfMessagesVisible',
        Dimensions: [
          {
            Name: 'QueueName',
            Value: { 'Fn::GetAtt': [`${pascal(name)}DeadLetters`, 'QueueName'] },
          },
        ],
        Statistic: 'Maximum',
        Period: 5 * MINUTE,
      },
    ),
  ]);
  return Object.fromEntries(alarms);
}

/**
 * A function failed as a whole: out of memory or time, no right to its queue; or a sweep had
 * problems.
 */
function ofFunctions() {
  const alarms = [...LANES, ...SCHEDULED].map((lane) => [
    `${pascal(lane.name)}ErrorsAlarm`,
    alarm(`The function ${lane.name} failed more than once; its log says why`, {
      Namespace: 'AWS/Lambda',
      MetricName: 'Errors',
      Dimensions: [{ Name: 'FunctionName', Value: { Ref: `${pascal(lane.name)}LambdaFunction` } }],
      ...(SCHEDULED.includes(lane) ? ofSchedule(lane) : moreThanOnce(visibilityOf(lane))),
    }),
  ]);
  return Object.fromEntries(alarms);
}

/**
 * One failure can be a short network problem, and the work is retried: when the message is visible
 * again, or with the next sweep. A period shorter than two of these pauses never holds two
 * failures.
 */
const moreThanOnce = (pauseSeconds) => ({
  Statistic: 'Sum',
  Period: Math.max(HOUR, 2 * pauseSeconds),
  Threshold: 1,
});

/**
 * The next sweep does the work of one that failed. An expiry runs once a day or less often: its
 * first failure is told.
 */
const ofSchedule = (one) =>
  one === SWEEP
    ? moreThanOnce(SWEEP_MINUTES_MAX * MINUTE)
    : { Statistic: 'Sum', Period: HOUR, Threshold: 0 };

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
      'A backup has stalled: its set has no seal and no new objects. stowage list shows the set, its verdict names what is missing',
      metric('SetsOverdue', { Statistic: 'Maximum', Period: HOUR }),
    ),
    NoCompleteSetAlarm: alarm(
      'The newest complete set is too old, no set is complete, or the sweeper does not run',
      metric('HoursSinceCompleteSet', {
        Statistic: 'Minimum',
        Period: HOUR,
        Threshold: { Ref: 'HoursWithoutCompleteSetMax' },
        // Without data no set is complete, or the sweeper does not run.
        TreatMissingData: 'breaching',
      }),
    ),
    DamagedAlarm: alarm(
      'A set is damaged: its newest verdict names the objects and segments. Keep the other sets of its data',
      metric('VerdictsDamaged', { Statistic: 'Sum', Period: 5 * MINUTE }),
    ),
    IncompleteAlarm: alarm(
      'A backup ended with an incomplete set: its verdict names what is missing',
      metric('VerdictsIncomplete', { Statistic: 'Sum', Period: 5 * MINUTE }),
    ),
    UnusualAlarm: alarm(
      'A set is complete and unusual: its verdict says what differs from the sets before it',
      metric('SetsUnusual', { Statistic: 'Sum', Period: 5 * MINUTE }),
    ),
    DrillFailedAlarm: alarm(
      'A drill could not restore a set: its verdict says why',
      metric('DrillsFailed', { Statistic: 'Sum', Period: 5 * MINUTE }),
    ),
    OrderNotTakenAlarm: alarm(
      'No runner has started a run that the schedule ordered 30 minutes ago: start an agent with `backup:`, or stowage schedule --run',
      metric('OrdersNotTaken', { Statistic: 'Maximum', Period: 15 * MINUTE }),
    ),
    ReplicationFailedAlarm: alarm(
      'A validated set was not copied to the alternate location: the outcome of the task says why',
      metric('ReplicationsFailed', { Statistic: 'Sum', Period: 5 * MINUTE }),
    ),
    LocksNotExtendedAlarm: alarm(
      'Packs of older sets are locked for a shorter time than a new set that uses them: its record of locks names them',
      metric('LocksNotExtended', { Statistic: 'Sum', Period: 5 * MINUTE }),
    ),
    RestoreFailedAlarm: alarm(
      'A restore failed: its outcome names the segment and the reason',
      metric('RestoresFailed', { Statistic: 'Sum', Period: 5 * MINUTE }),
    ),
    JobsFailedAlarm: alarm(
      'Work on a set or restore fails repeatedly: the log of the function names the set and the reason',
      // An S3 outage within one hour can fail many jobs; a job that fails for another reason fails
      // again in a later hour.
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
