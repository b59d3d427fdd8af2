/**
 * What each role may do in the bucket, as data. roles.mjs makes a role of each entry.
 * docs/security.md describes the same; tests compare the two and try every right on a real server.
 */

/** Fixed lengths as `?`: `*` also matches slashes, so receipts/* would match at any depth. */
const SET = 'sets/????????/??????????????';
const MARK = `${SET}/retention/?????????????????`;
const RESTORE = 'restores/?????????????????-????????';
const ASKED = 'requests/?????????????????-????????';
const TASK = 'tasks/?????????????????-??????????????';

/** Keys below the root, by the names of docs/security.md. */
export const KEYS = {
  plan: [`${SET}/plan.json`, `${SET}/witnesses/*`],
  base: [`${SET}/base/*`],
  packs: [`${SET}/data/*`, `${SET}/metadata/*`],
  receipts: [`${SET}/receipts/*`],
  // One pattern for seals/… and seal.json: a policy has 10,240 characters.
  seal: [`${SET}/seal*`],
  manifest: [`${SET}/manifest*`],
  // One pattern for reading and read.
  holds: ['held', 'released', 'read*'].map((what) => `${MARK}-${what}.json`),
  tombstones: ['expired', 'ended'].map((what) => `${MARK}-${what}.json`),
  'expiry-runs': ['expiries/?????????????????.json'],
  announcements: ['announcements/channels/*', 'announcements/?????????????????-*'],
  // Names of any length; also an empty one, which `never` takes away.
  exports: ['exports/*'],
  'unnamed exports': ['exports//*'],
  'verdicts-stitch': [`${SET}/verdicts/*-stitch.json`],
  'verdicts-validate': [`${SET}/verdicts/*-validate.json`],
  'verdicts-verify': [`${SET}/verdicts/*-verify.json`],
  'verdicts-drill': [`${SET}/verdicts/*-drill.json`],
  // Names of entries have any length.
  'schedule-runs': ['schedules/?????????????????-*.json'],
  'schedule-orders': ['schedules/?????????????????-*/order.json'],
  // Ids of programs have 16 digits.
  heartbeats: ['heartbeats/????????????????/?????????????????.json'],
  leases: ['leases/schedule/?????????????????.json'],
  /** All verdicts, in one ARN: the policy of Sweep is near the quota of IAM. */
  'any verdict': [`${SET}/verdicts/*`],
  locks: [`${SET}/locks/*`],
  // Keys of encrypted sets, wrapped: without an identity they open nothing.
  keys: [`${SET}/keys/*`],
  /** Those of hosts that seal files of gpbackup. The pattern of `keys` covers them, too. */
  'host-keys': [`${SET}/keys/host-*`],
  orders: [`${SET}/orders/*`, `${SET}/dispatched.json`],
  claims: [`${SET}/claims/*`, `${SET}/reports/*`],
  'verify-request': [`${TASK}-verify/request.json`],
  /** Both kinds of requests, in one ARN: the policy of Operator is near the quota of IAM. */
  'any task request': [`${TASK}-*/request.json`],
  'verify-plan': ['plan.json', 'orders/*', 'outcome.json'].map((key) => `${TASK}-verify/${key}`),
  'verify-receipts': [`${TASK}-verify/receipts/*`],
  'replicate-request': [`${TASK}-replicate/request.json`],
  'replicate-plan': ['plan.json', 'orders/*'].map((key) => `${TASK}-replicate/${key}`),
  'replicate-outcome': [`${TASK}-replicate/outcome.json`],
  'replicate-receipts': [`${TASK}-replicate/receipts/*`],
  request: [`${RESTORE}/request.json`],
  /** Both, in one ARN: the policy of Operator is near the quota of IAM. */
  'request and receipts': [`${RESTORE}/re*`],
  // Keys of what an agent reads, wrapped for it.
  'restore-keys': [`${RESTORE}/keys/*`],
  'restore-plan': [`${RESTORE}/plan.json`],
  'restore-orders': [`${RESTORE}/orders/*`],
  'restore-claims': [`${RESTORE}/claims/*`],
  'restore-receipts': [`${RESTORE}/receipts/*`],
  'restore-counts': [`${RESTORE}/counts.json`],
  outcome: [`${RESTORE}/outcome.json`],
  // Restores that the console asked for; which command took them, and how they ended.
  'console-requests': [`${ASKED}/request.json`],
  'console-runs': [`${ASKED}/run-*`],
  /** Both, in one ARN: the policy of Operator is near the quota of IAM. */
  'any console request': [`${ASKED}/r*`],
  /** The objects of `stowage doctor`. */
  probe: ['.probe/*'],
  'a whole set': [`${SET}/*`],
  'a whole restore': [`${RESTORE}/*`],
  'a whole task': [`${TASK}-*`],
};

/** What one content writes, of the classes that hold objects of every content. */
const OF_CONTENT = {
  packs: (content) => [`${SET}/data/${content}/*`, `${SET}/metadata/${content}/*`],
  receipts: (content) => [`${SET}/receipts/${content}/*`],
  claims: (content) => [`${SET}/claims/${content}.json`, `${SET}/reports/${content}.json`],
  'restore-claims': (content) => [`${RESTORE}/claims/*/${content}.json`],
  'restore-receipts': (content) => [`${RESTORE}/receipts/*/${content}.json`],
};

/** The roles of hosts, which can be limited to the contents of one host. */
export const HOST_ROLES = ['Shipper', 'RestoreShipper', 'Agent'];

/** The keys of these classes; with `contents`, only those that these contents write. */
export function keysOf(names, contents) {
  if (contents === undefined) return names.flatMap((name) => KEYS[name]);
  return names.flatMap((name) =>
    OF_CONTENT[name] === undefined ? KEYS[name] : contents.flatMap(OF_CONTENT[name]),
  );
}

const VERDICTS = ['verdicts-stitch', 'verdicts-validate', 'verdicts-verify', 'verdicts-drill'];
/** The documents and verdicts of a set: no rows and no schema. */
const DOCUMENTS = [
  'plan',
  'base',
  'receipts',
  'seal',
  'manifest',
  'holds',
  'tombstones',
  ...VERDICTS,
];
const SETS = ['a whole set'];
const RESTORES = ['a whole restore'];
const TASKS = ['a whole task'];
/** The pattern of `schedule-runs` covers `schedule-orders`, too. */
const SCHEDULED = ['schedule-runs', 'leases', 'heartbeats'];
const EVERYTHING = [...SETS, ...RESTORES, ...TASKS];

/**
 * Allowed values of s3:prefix. For a HEAD or GET of a missing key, S3 checks this condition with
 * the whole key, and answers 403 instead of 404 if it fails. So it must cover every key that may be
 * missing, not only the listed prefixes.
 */
const IN_SETS = ['sets/*'];
const ANYWHERE = ['sets/*', 'restores/*', 'tasks/*'];
const IN_REQUESTS = ['requests/*'];
const ANY_REQUEST = ['any console request'];
const IN_SCHEDULES = ['schedules/*', 'leases/*', 'heartbeats/*'];

/** Rights in the bucket at the alternate location, where the copy is committed and validated. */
const REPLICA = {
  reads: SETS,
  creates: [
    'plan',
    'base',
    'packs',
    'receipts',
    'seal',
    'manifest',
    'verdicts-stitch',
    'verdicts-validate',
    'locks',
    'keys',
  ],
  extends: SETS,
  // A failed multipart copy must be aborted: its parts cost money.
  endsUploads: ['packs'],
  lists: IN_SETS,
};

/**
 * By name of the role, without `Role`. `reads`, `creates`, `never` (neither of both, whatever they
 * say), `deletes`, `endsUploads`, `extends` (the retention), `holds` (sets a legal hold),
 * `releases` (lifts one), `looks` (reads locks): names of KEYS. `lists`: prefixes.
 */
export const RIGHTS = {
  // Functions. roles.mjs adds the rights to their queue and log.
  Stitch: { reads: DOCUMENTS, creates: ['manifest', 'verdicts-stitch'], lists: IN_SETS },
  // Compares listings with the manifest; reads no data.
  Validate: { reads: DOCUMENTS, creates: ['verdicts-validate'], lists: IN_SETS },
  Verify: {
    // Not the wrapped keys: it decrypts nothing.
    reads: [...DOCUMENTS, 'packs', ...TASKS],
    creates: ['verify-request', 'verify-plan', 'verify-receipts', 'verdicts-verify'],
    lists: ['sets/*', 'tasks/*'],
  },
  Replicate: {
    reads: [...SETS, ...TASKS],
    creates: ['replicate-request', 'replicate-plan', 'replicate-receipts', 'replicate-outcome'],
    lists: ['sets/*', 'tasks/*'],
    replica: REPLICA,
  },
  // Can lock packs for some days, and cannot read, shorten or remove anything.
  ExtendRetention: {
    reads: ['manifest', 'locks'],
    creates: ['locks'],
    extends: SETS,
    lists: IN_SETS,
  },
  PlanRestore: {
    reads: [...DOCUMENTS, ...RESTORES],
    creates: ['verdicts-validate', 'restore-plan', 'restore-orders', 'outcome'],
    lists: ['sets/*', 'restores/*'],
  },
  AdvanceRestore: {
    reads: ['manifest', ...RESTORES],
    creates: ['restore-orders', 'outcome'],
    lists: [...KEYS.manifest, 'restores/*'],
  },
  // Does the work that no event started, so it has the rights of all other functions. It also
  // aborts uploads of dead shippers.
  Sweep: {
    reads: [...EVERYTHING, 'heartbeats'],
    creates: [
      ...['manifest', 'any verdict', 'a whole task'],
      ...['restore-plan', 'restore-orders', 'outcome', 'locks'],
    ],
    extends: SETS,
    endsUploads: ['packs'],
    listsUploads: true,
    // Orders of runs that no runner took; programs that `serve` knows by their heartbeats.
    lists: [...ANYWHERE, 'schedules/*', 'heartbeats/*'],
    replica: REPLICA,
  },
  // IAM cannot tell an expired set from a living one: no key, tag or age of an object does. So this
  // role can put delete markers on every set, and can never remove a version.
  Expire: {
    reads: [...DOCUMENTS, ...TASKS, ...RESTORES, 'expiry-runs'],
    creates: ['tombstones', 'expiry-runs'],
    deletes: [...EVERYTHING, 'expiry-runs', ...SCHEDULED, ...ANY_REQUEST, 'announcements'],
    looks: ['manifest'],
    lists: [...ANYWHERE, 'expiries/*', ...IN_SCHEDULES, ...IN_REQUESTS, 'announcements/*'],
  },
  // Its order names an entry of the configuration of the runner, never a command.
  OrderRun: { creates: ['schedule-orders'], lists: ['schedules/*'] },
  // The ledger is for `stowage serve`, which announces with the rights of this role and Sweep.
  Announce: {
    reads: [...VERDICTS, 'locks', 'outcome', 'replicate-outcome', 'announcements'],
    creates: ['announcements'],
    lists: [
      ...[`${SET}/verdicts/*`, ...KEYS.locks, ...KEYS.outcome, ...KEYS['replicate-outcome']],
      'announcements/*',
    ],
    publishes: true,
  },

  // Segment hosts. A shipper cannot read even its own objects. `host-keys` for the plugin.
  Shipper: { creates: ['packs', 'receipts', 'host-keys'], endsUploads: ['packs'] },
  // Lists nothing: it gets the keys of its orders from the coordinator that started it.
  RestoreShipper: { reads: ['packs', 'restore-orders'], creates: ['restore-receipts'] },
  // docs/agents.md. An agent that starts backups (`backup:`) runs `stowage`, which needs Operator.
  Agent: {
    reads: [
      ...['packs', 'base', 'orders', 'claims', 'seal'],
      ...['request', 'restore-keys', 'restore-orders', 'restore-claims'],
    ],
    creates: [
      ...['packs', 'receipts', 'claims', 'restore-claims', 'restore-receipts'],
      'heartbeats',
    ],
    endsUploads: ['packs'],
    // Days of sets, their orders, documents that may be missing, and restores.
    lists: ['sets/????????/', `${SET}/orders/`, `${SET}/*.json`, 'restores/*'],
  },

  // People that run `stowage`. Only functions may create manifests and outcomes.
  Operator: {
    reads: [...EVERYTHING, ...SCHEDULED, ...ANY_REQUEST, 'exports', 'probe'],
    creates: [
      ...['plan', 'base', 'orders', 'seal', 'keys', 'verdicts-validate', 'verdicts-verify'],
      // Drills, and what a schedule starts.
      ...['verdicts-drill', ...SCHEDULED],
      ...['any task request', 'restore-keys', 'holds', 'console-runs'],
      // Receipts for shippers that died: without them the restore would get no outcome.
      ...['request and receipts', 'restore-counts', 'exports', 'probe'],
    ],
    never: ['unnamed exports'],
    deletes: ['probe'],
    holds: SETS,
    endsUploads: ['exports', 'probe'],
    listsUploads: true,
    lists: [...ANYWHERE, ...IN_SCHEDULES, ...IN_REQUESTS, 'exports/*', '.probe/*'],
    inspects: true,
  },
  Restore: {
    reads: [...SETS, ...RESTORES, ...ANY_REQUEST],
    creates: ['request', 'restore-keys', 'restore-receipts', 'restore-counts', 'console-runs'],
    lists: ['sets/*', 'restores/*', ...IN_REQUESTS],
  },
  // `stowage serve` with `requests:`, beside its other roles. Role Restore starts restores.
  Console: {
    reads: [...DOCUMENTS, 'locks', 'keys', ...RESTORES, ...ANY_REQUEST],
    creates: ['console-requests'],
    lists: ['sets/*', 'restores/*', ...IN_REQUESTS],
  },
  // The bucket policy denies deletion to every other role.
  Delete: {
    // Wrapped keys: `stowage key remove` wraps them again and removes the older documents.
    reads: [...DOCUMENTS, 'keys', ...TASKS, ...RESTORES, 'expiry-runs'],
    creates: ['holds', 'tombstones', 'expiry-runs', 'keys'],
    deletes: [...EVERYTHING, 'expiry-runs', ...SCHEDULED, ...ANY_REQUEST, 'announcements'],
    releases: SETS,
    lists: [...ANYWHERE, 'expiries/*', ...IN_SCHEDULES, ...IN_REQUESTS, 'announcements/*'],
  },
  Audit: {
    reads: [...DOCUMENTS, 'locks', 'keys', ...TASKS, ...RESTORES, ...SCHEDULED, ...ANY_REQUEST],
    lists: [...ANYWHERE, ...IN_SCHEDULES, ...IN_REQUESTS],
    inspects: true,
  },
};
