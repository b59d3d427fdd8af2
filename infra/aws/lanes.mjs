/**
 * A lane leads from the bucket to one function: keys → EventBridge rule → queue (with a dead-letter
 * queue) → function. functions.mjs, queues.mjs and alarms.mjs make resources of this table;
 * lanes.test.ts compares it with the router of the functions.
 */

/** The memory of one vCPU, which a fold can use. Fold and validation need a third of the memory. */
const ONE_CPU_MB = 1769;
/**
 * A restore into another number of segments writes one order with all extents, which takes several
 * times its size in memory. 3008 MB is the limit of new accounts.
 */
const RESTORE_MB = 3008;

const SLICE_WORKS = ['plan-task', 'run-slice', 'advance-task'];
/**
 * A slice takes minutes of reading (functions/tasks/cut-slices.ts), so each runs alone in 900 s.
 */
const ONE_SLICE = { timeout: 900, batch: 1, window: 0 };
const ifReplica = (value) => ({ 'Fn::If': ['HasReplica', value, { Ref: 'AWS::NoValue' }] });
const REPLICA = {
  STOWAGE_REPLICA: ifReplica({ 'Fn::Sub': `s3://\${ReplicaBucketName}/\${RootPrefix}` }),
  STOWAGE_REPLICA_REGION: ifReplica({ Ref: 'ReplicaRegion' }),
};

/**
 * `keys`: below the root; `*` matches anything, slashes included. `work`: the works of the router
 * that the function does. `timeout` and `window` in seconds, `batch` in messages, `concurrency` in
 * concurrent invocations. `condition`: of the template; if it is false, the rule is disabled.
 */
export const LANES = [
  {
    name: 'stitch',
    // Receipts of sets only (attempt-worker-sequence.json): names of slice receipts have no hyphen.
    keys: ['sets/*/seal.json', 'sets/*/receipts/*-*-*.json'],
    work: ['stitch'],
    memory: ONE_CPU_MB,
    timeout: 300,
    // The receipts of a set arrive within seconds of each other, and one batch runs one job.
    batch: 1000,
    window: 5,
    // Concurrent runs write the same, but each reads every receipt: more would only cost more.
    concurrency: 4,
    description: 'Commits a set when its receipts agree with its plan and seal',
  },
  {
    name: 'validate',
    keys: ['sets/*/manifest.json'],
    work: ['validate'],
    memory: ONE_CPU_MB,
    timeout: 300,
    batch: 10,
    window: 0,
    concurrency: 4,
    description: 'Checks that the objects of a committed set exist as its manifest says',
  },
  {
    name: 'extendRetention',
    keys: ['sets/*/manifest.json'],
    work: ['extend-retention'],
    memory: ONE_CPU_MB,
    // Two requests for each pack of older sets, 16 at once: 100,000 packs take about 10 minutes.
    ...ONE_SLICE,
    concurrency: 2,
    condition: 'HasObjectLock',
    description: 'Keeps packs of older sets locked as long as the set that uses them',
  },
  {
    name: 'planRestore',
    keys: ['restores/*/request.json'],
    work: ['plan-restore'],
    memory: RESTORE_MB,
    timeout: 300,
    batch: 10,
    window: 0,
    concurrency: 4,
    description: 'Plans a restore and writes the orders of its first phase',
  },
  {
    name: 'advanceRestore',
    keys: ['restores/*/receipts/*.json', 'restores/*/counts.json'],
    work: ['advance-restore'],
    memory: RESTORE_MB,
    timeout: 300,
    // Every segment answers every phase, and the segments wait for the next phase.
    batch: 100,
    window: 1,
    concurrency: 4,
    description: 'Writes the orders of the next phase of a restore, or its outcome',
  },
  {
    name: 'verify',
    keys: ['request', 'orders/*', 'receipts/*'].map((name) => `tasks/*-verify/${name}.json`),
    work: SLICE_WORKS,
    memory: ONE_CPU_MB,
    ...ONE_SLICE,
    concurrency: 20,
    description: 'Reads every byte of a set again, slice by slice',
  },
  {
    name: 'replicate',
    // A `validate` verdict requests a copy; the other keys belong to copies under way.
    keys: [
      'sets/*/verdicts/*-validate.json',
      ...['request', 'orders/*', 'receipts/*'].map((name) => `tasks/*-replicate/${name}.json`),
    ],
    work: ['request-replication', ...SLICE_WORKS],
    // The store copies, so no data passes through the function.
    memory: 512,
    ...ONE_SLICE,
    concurrency: 20,
    condition: 'HasReplica',
    environment: REPLICA,
    description: 'Copies a validated set to the alternate location and validates it there',
  },
  {
    name: 'announce',
    keys: [
      'sets/*/verdicts/*.json',
      'sets/*/locks/*.json',
      'restores/*/outcome.json',
      'tasks/*-replicate/outcome.json',
    ],
    work: ['announce'],
    memory: 512,
    timeout: 30,
    batch: 10,
    window: 0,
    concurrency: 2,
    description: 'Publishes verdicts and outcomes',
    environment: { STOWAGE_TOPIC: { Ref: 'Announcements' } },
  },
];

/** Called by a schedule (schedules.yml), not by events. */
export const SWEEP = {
  name: 'sweep',
  // It also continues restores.
  memory: RESTORE_MB,
  // It processes up to 10,000 sets; each closed set costs one listing.
  timeout: 900,
  // It requests copies whose event was lost.
  environment: REPLICA,
  description:
    'Does the work that no event started: commits, validates, reports overdue sets, continues restores',
};

/** Called by a schedule that is off until rules of retention are given. */
export const EXPIRE = {
  name: 'expire',
  // It holds the facts of all sets, and the names of the packs that they need.
  memory: ONE_CPU_MB,
  timeout: 900,
  environment: { STOWAGE_RETENTION: { Ref: 'RetentionRules' } },
  description:
    'Expires the sets that no rule of retention keeps, and removes those of earlier runs',
};

/** Called by EventBridge Scheduler (run-schedule.yml), which is off until it is given times. */
export const ORDER_RUN = {
  name: 'orderRun',
  memory: 512,
  timeout: 30,
  description: 'Orders a run of an entry of the schedule, which a runner on a host starts',
};

/** Every function that a schedule calls, without a queue. */
export const SCHEDULED = [SWEEP, EXPIRE, ORDER_RUN];

export const pascal = (name) => name[0].toUpperCase() + name.slice(1);
export const kebab = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
export const arnOf = (resource) => ({ 'Fn::GetAtt': [resource, 'Arn'] });
