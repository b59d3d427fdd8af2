/**
 * A lane leads from the bucket to one function: keys → EventBridge rule → queue (and its dead letters) → function.
 * functions.mjs, queues.mjs and alarms.mjs make resources of this table; lanes.test.ts ties it to the functions' router.
 */

/** Of one vCPU: Lambda gives processors by memory, and folding is work for one. Fold and validation need a third of it. */
const ONE_CPU_MB = 1769;
/**
 * A restore into another number of segments makes one order of all extents, which takes several times its size. No more
 * than what new accounts may have.
 */
const RESTORE_MB = 3008;

const SLICE_WORKS = ['plan-task', 'run-slice', 'advance-task'];
/** A slice is measured for minutes of reading (functions/tasks/cut-slices.ts): nothing else shares its quarter of an hour. */
const ONE_SLICE = { timeout: 900, batch: 1, window: 0 };
const orNothing = (value) => ({ 'Fn::If': ['HasReplica', value, { Ref: 'AWS::NoValue' }] });
const REPLICA = {
  STOWAGE_REPLICA: orNothing({ 'Fn::Sub': `s3://\${ReplicaBucketName}/\${RootPrefix}` }),
  STOWAGE_REPLICA_REGION: orNothing({ Ref: 'ReplicaRegion' }),
};

/**
 * `keys`: below the root; `*` stands for anything, slashes included. `work`: what the function does with them.
 * `timeout`, `window` in seconds; `batch` in messages; `concurrency` in functions at once. `condition`: of the template;
 * where it does not hold, the rule sleeps.
 */
export const LANES = [
  {
    name: 'stitch',
    // Receipts of sets only (attempt-worker-sequence.json): those of slices have no hyphen in their names.
    keys: ['sets/*/seal.json', 'sets/*/receipts/*-*-*.json'],
    work: ['stitch'],
    memory: ONE_CPU_MB,
    timeout: 300,
    // The receipts of a set come within seconds of each other, and all of them mean one look at it.
    batch: 1000,
    window: 5,
    // Racing writers agree, but each of them reads every receipt: more would only cost more.
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
    description: 'Checks what a committed set names against what is stored',
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
    description: 'Plans a restore, and writes the orders of its first phase',
  },
  {
    name: 'advanceRestore',
    keys: ['restores/*/receipts/*.json'],
    work: ['advance-restore'],
    memory: RESTORE_MB,
    timeout: 300,
    // Every segment answers every phase; somebody waits for the next one.
    batch: 100,
    window: 1,
    concurrency: 4,
    description: 'Writes the orders of the next phase of a restore, and its outcome',
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
    // What was validated is to be copied; the rest is about copies under way.
    keys: [
      'sets/*/verdicts/*-validate.json',
      ...['request', 'orders/*', 'receipts/*'].map((name) => `tasks/*-replicate/${name}.json`),
    ],
    work: ['request-replication', ...SLICE_WORKS],
    // It has the store copy.
    memory: 512,
    ...ONE_SLICE,
    concurrency: 20,
    condition: 'HasReplica',
    environment: REPLICA,
    description: 'Copies a validated set to the alternate location, and validates it there',
  },
  {
    name: 'announce',
    keys: ['sets/*/verdicts/*.json', 'restores/*/outcome.json', 'tasks/*-replicate/outcome.json'],
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

/** Called by a schedule, not by keys (schedules.yml). */
export const SWEEP = {
  name: 'sweep',
  // It takes restores on, too.
  memory: RESTORE_MB,
  // Ten thousand sets are looked at; those that are over cost a listing each.
  timeout: 900,
  // It makes good what `replicate` missed.
  environment: REPLICA,
  description:
    'Finds what no event announced: commits, validates, calls overdue, takes restores on',
};

export const pascal = (name) => name[0].toUpperCase() + name.slice(1);
export const kebab = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
export const arnOf = (resource) => ({ 'Fn::GetAtt': [resource, 'Arn'] });
