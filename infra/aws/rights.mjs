/**
 * Who may do what in the bucket: data only. roles.mjs makes a role of each entry, docs/security.md says the same for
 * people, and tests hold the two together and try it all on a real server.
 */

/** Of fixed length, hence counted out: `*` also stands for slashes, and would let a receipts/* be found at any depth. */
const SET = 'sets/????????/??????????????';
const RESTORE = 'restores/?????????????????-????????';
const TASK = 'tasks/?????????????????-??????????????';

/** Keys below the root, by the names of docs/security.md. */
export const KEYS = {
  plan: [`${SET}/plan.json`],
  packs: [`${SET}/data/*`, `${SET}/metadata/*`],
  receipts: [`${SET}/receipts/*`],
  seal: [`${SET}/seals/*`, `${SET}/seal.json`],
  manifest: [`${SET}/manifest/*`, `${SET}/manifest.json`],
  'verdicts-stitch': [`${SET}/verdicts/*-stitch.json`],
  'verdicts-validate': [`${SET}/verdicts/*-validate.json`],
  'verdicts-verify': [`${SET}/verdicts/*-verify.json`],
  orders: [`${SET}/orders/*`, `${SET}/dispatched.json`],
  claims: [`${SET}/claims/*`, `${SET}/reports/*`],
  'verify-request': [`${TASK}-verify/request.json`],
  'verify-plan': ['plan.json', 'orders/*', 'outcome.json'].map((key) => `${TASK}-verify/${key}`),
  'verify-receipts': [`${TASK}-verify/receipts/*`],
  'replicate-request': [`${TASK}-replicate/request.json`],
  'replicate-plan': ['plan.json', 'orders/*'].map((key) => `${TASK}-replicate/${key}`),
  'replicate-outcome': [`${TASK}-replicate/outcome.json`],
  'replicate-receipts': [`${TASK}-replicate/receipts/*`],
  request: [`${RESTORE}/request.json`],
  'restore-plan': [`${RESTORE}/plan.json`],
  'restore-orders': [`${RESTORE}/orders/*`],
  'restore-claims': [`${RESTORE}/claims/*`],
  'restore-receipts': [`${RESTORE}/receipts/*`],
  outcome: [`${RESTORE}/outcome.json`],
  /** What `stowage doctor` tries the store with. */
  probe: ['.probe/*'],
  'a whole set': [`${SET}/*`],
  'a whole restore': [`${RESTORE}/*`],
  'a whole task': [`${TASK}-*`],
};

const VERDICTS = ['verdicts-stitch', 'verdicts-validate', 'verdicts-verify'];
/** What proves a set, and what was found of it: no row of anybody's data, and no schema. */
const DOCUMENTS = ['plan', 'receipts', 'seal', 'manifest', ...VERDICTS];
const SETS = ['a whole set'];
const RESTORES = ['a whole restore'];
const TASKS = ['a whole task'];
const EVERYTHING = [...SETS, ...RESTORES, ...TASKS];

/**
 * What s3:prefix may be. S3 also asks it, with the whole key, before it answers a HEAD or GET of an absent key with 404
 * instead of 403: so it covers every key that may be looked for in vain, and not only what is listed.
 */
const IN_SETS = ['sets/*'];
const ANYWHERE = ['sets/*', 'restores/*', 'tasks/*'];

/** In the bucket at the alternate location: what is copied is judged there again. */
const REPLICA = {
  reads: SETS,
  creates: [
    'plan',
    'packs',
    'receipts',
    'seal',
    'manifest',
    'verdicts-stitch',
    'verdicts-validate',
  ],
  // A copy in parts that fails is ended, or its parts are paid for.
  endsUploads: ['packs'],
  lists: IN_SETS,
};

/** By name of the role, without `Role`. `reads`, `creates`, `deletes`, `endsUploads`: names of KEYS. `lists`: prefixes. */
export const RIGHTS = {
  // Functions, each with its queue and its log.
  Stitch: { reads: DOCUMENTS, creates: ['manifest', 'verdicts-stitch'], lists: IN_SETS },
  // Compares listings with the manifest, and reads no data.
  Validate: { reads: DOCUMENTS, creates: ['verdicts-validate'], lists: IN_SETS },
  Verify: {
    reads: [...SETS, ...TASKS],
    creates: ['verify-request', 'verify-plan', 'verify-receipts', 'verdicts-verify'],
    lists: ['sets/*', 'tasks/*'],
  },
  Replicate: {
    reads: [...SETS, ...TASKS],
    creates: ['replicate-request', 'replicate-plan', 'replicate-receipts', 'replicate-outcome'],
    lists: ['sets/*', 'tasks/*'],
    replica: REPLICA,
  },
  PlanRestore: {
    reads: [...DOCUMENTS, ...RESTORES],
    creates: ['verdicts-validate', 'restore-plan', 'restore-orders', 'outcome'],
    lists: ['sets/*', 'restores/*'],
  },
  AdvanceRestore: {
    reads: ['manifest', ...RESTORES],
    creates: ['restore-orders', 'outcome'],
    lists: [`${SET}/manifest*`, 'restores/*'],
  },
  // Does itself what no event has caused, so it may do what all the others may together; ends uploads of dead shippers.
  Sweep: {
    reads: EVERYTHING,
    creates: [
      ...['manifest', ...VERDICTS, 'verify-plan', 'verify-receipts'],
      ...['replicate-request', 'replicate-plan', 'replicate-receipts', 'replicate-outcome'],
      ...['restore-plan', 'restore-orders', 'outcome'],
    ],
    endsUploads: ['packs'],
    listsUploads: true,
    lists: ANYWHERE,
    replica: REPLICA,
  },
  Announce: {
    reads: [...VERDICTS, 'outcome', 'replicate-outcome'],
    lists: [`${SET}/verdicts/*`, ...KEYS.outcome, ...KEYS['replicate-outcome']],
    publishes: true,
  },

  // Segment hosts. A shipper cannot even read what it wrote itself.
  Shipper: { creates: ['packs', 'receipts'], endsUploads: ['packs'] },
  // Knows the keys of its orders by the coordinator that started it, so it lists nothing.
  RestoreShipper: { reads: ['packs', 'restore-orders'], creates: ['restore-receipts'] },
  // docs/agents.md. One that starts backups by itself (`backup:`) runs `stowage`, which needs Operator.
  Agent: {
    reads: ['packs', 'orders', 'claims', 'seal', 'request', 'restore-orders', 'restore-claims'],
    creates: ['packs', 'receipts', 'claims', 'restore-claims', 'restore-receipts'],
    endsUploads: ['packs'],
    // Sets by day, their orders, and what may be absent; restores by day.
    lists: ['sets/????????/', `${SET}/orders/`, `${SET}/*.json`, 'restores/*'],
  },

  // Those who run `stowage`. A manifest and an outcome are the functions' words, and nobody else's.
  Operator: {
    reads: [...EVERYTHING, 'probe'],
    creates: [
      ...['plan', 'orders', 'seal', 'verdicts-validate', 'verdicts-verify'],
      ...['verify-request', 'replicate-request', 'request'],
      // For shippers that died: the restore must get its outcome.
      ...['restore-receipts', 'probe'],
    ],
    deletes: ['probe'],
    endsUploads: ['probe'],
    listsUploads: true,
    lists: [...ANYWHERE, '.probe/*'],
    inspects: true,
  },
  Restore: {
    reads: [...SETS, ...RESTORES],
    creates: ['request', 'restore-receipts'],
    lists: ['sets/*', 'restores/*'],
  },
  // The bucket policy lets nobody else delete, whatever their rights.
  Delete: { reads: ['plan', 'manifest'], deletes: SETS, lists: IN_SETS },
  Audit: { reads: [...DOCUMENTS, ...TASKS, ...RESTORES], lists: ANYWHERE, inspects: true },
};
