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
  /** Sets that are complete and unusual: their verdict has warnings. */
  SetsUnusual: 'Count',
  DrillsFailed: 'Count',
  /** Of each committed set, per database: rows as COPY sends them, and what it added. */
  SetBytes: 'Bytes',
  SetNewBytes: 'Bytes',
  SetTables: 'Count',
  SetSeconds: 'Seconds',
  /** Sets that got a tombstone. */
  SetsExpired: 'Count',
  /** Unsealed sets without a new object for longer than allowed, at the last sweep. */
  SetsOverdue: 'Count',
  /** Hours since the newest complete set, from the sweep. Absent without a complete set. */
  HoursSinceCompleteSet: 'None',
  /** Orders of scheduled runs that were written, and those that no runner took for 30 minutes. */
  RunsOrdered: 'Count',
  OrdersNotTaken: 'Count',
  /** Time in which requests paused because the store asked for fewer; absent without any. */
  ThrottledMs: 'Milliseconds',
  JobMs: 'Milliseconds',
  JobsFailed: 'Count',
} as const;

export type Metric = keyof typeof METRICS;
export type Values = Readonly<Partial<Record<Metric, number>>>;

export const NAMESPACE = 'Stowage';
export const DIMENSION = 'Root';
const DATABASE = 'Database';
/** Metrics of one set: with the database as a second dimension, and no other metric has it. */
const OF_DATABASE: readonly Metric[] = ['SetBytes', 'SetNewBytes', 'SetTables', 'SetSeconds'];

/** What a piece of work counts, and the database of the set that it was about. */
export type Counted = Values & { readonly database?: string | undefined };

/**
 * Values in CloudWatch's embedded metric format: CloudWatch makes metrics of the logged line, so no
 * call to its API is needed. Pure.
 */
export function embedded(
  root: string,
  at: Date,
  { database, ...values }: Counted,
): Record<string, unknown> {
  const names = Object.keys(values) as Metric[];
  const isOfDatabase = (name: Metric) => OF_DATABASE.includes(name);
  const directive = (dimensions: string[], chosen: readonly Metric[]) => ({
    Namespace: NAMESPACE,
    Dimensions: [dimensions],
    Metrics: chosen.map((Name) => ({ Name, Unit: METRICS[Name] })),
  });
  const ofRoot = names.filter((name) => !isOfDatabase(name));
  const ofDatabase = database === undefined ? [] : names.filter(isOfDatabase);
  return {
    _aws: {
      Timestamp: at.getTime(),
      CloudWatchMetrics: [
        directive([DIMENSION], ofRoot),
        ...(ofDatabase.length > 0 ? [directive([DIMENSION, DATABASE], ofDatabase)] : []),
      ],
    },
    [DIMENSION]: root,
    ...(database !== undefined && { [DATABASE]: database }),
    ...values,
  };
}
