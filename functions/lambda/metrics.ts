/** Every metric of the functions on AWS. The alarms of infra/aws name some of them. */
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
  /** Unsealed sets in which nothing moves any more, as the last sweep found them. */
  SetsOverdue: 'Count',
  /** Since the newest set that is complete; from the sweep. Absent while there is none. */
  HoursSinceCompleteSet: 'None',
  JobMs: 'Milliseconds',
  JobsFailed: 'Count',
} as const;

export type Metric = keyof typeof METRICS;
export type Values = Readonly<Partial<Record<Metric, number>>>;

export const NAMESPACE = 'Stowage';
export const DIMENSION = 'Root';

/**
 * Values in CloudWatch's embedded metric format: logged as one line, they become metrics, and no call to CloudWatch is
 * made. Pure.
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
