/** Every metric of the functions on AWS. The alarms of infra/aws use some of them. */
export const METRICS = {
  SetsCommitted: 'Count',
  VerdictsComplete: 'Count',
  VerdictsIncomplete: 'Count',
  VerdictsDamaged: 'Count',
  RestoresRestored: 'Count',
  RestoresFailed: 'Count',
  RestoresRefused: 'Count',
  SetsReplicated: 'Count',
  ReplicationsFailed: 'Count',
  /** Sets for whose objects `extend-retention` ended, without and with problems. */
  LocksExtended: 'Count',
  LocksNotExtended: 'Count',
  /** Sets that got a tombstone. */
  SetsExpired: 'Count',
  /** Unsealed sets without a new object for longer than allowed, at the last sweep. */
  SetsOverdue: 'Count',
  /** Hours since the newest complete set, from the sweep. Absent without a complete set. */
  HoursSinceCompleteSet: 'None',
  JobMs: 'Milliseconds',
  JobsFailed: 'Count',
} as const;

export type Metric = keyof typeof METRICS;
export type Values = Readonly<Partial<Record<Metric, number>>>;

export const NAMESPACE = 'Stowage';
export const DIMENSION = 'Root';

/**
 * Values in CloudWatch's embedded metric format: CloudWatch makes metrics of the logged line, so no
 * call to its API is needed. Pure.
 */
export function embedded(root: string, at: Date, values: Values): Record<string, unknown> {
  const names = Object.keys(values) as Metric[];
  const Metrics = names.map((Name) => ({ Name, Unit: METRICS[Name] }));
  return {
    _aws: {
      Timestamp: at.getTime(),
      CloudWatchMetrics: [{ Namespace: NAMESPACE, Dimensions: [[DIMENSION]], Metrics }],
    },
    [DIMENSION]: root,
    ...values,
  };
}
