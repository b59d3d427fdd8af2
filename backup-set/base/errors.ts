/**
 * Every failure that a user can act on: a stable code, the exit code it leads to, and what to do.
 * docs/errors.md is printed from this table. Codes are never reused.
 */
export const ERRORS = {
  'usage/flag': { exit: 2, hint: 'run the command with --help to see its flags and arguments' },
  'config/missing': {
    exit: 2,
    hint: 'write a stowage.yaml (docs/configuration.md has an example) or pass --config FILE',
  },
  'config/invalid': {
    exit: 2,
    hint: 'correct the named value in the file, variable or flag; docs/configuration.md describes all fields',
  },
  'serve/listen': {
    exit: 2,
    hint: 'stop the process that uses the port, or choose another address with --host and --port (serve.host, serve.port)',
  },
  'cluster/overlap': {
    exit: 4,
    hint: 'nothing was changed; give each content a server of its own (segments[] of the configuration)',
  },
  'cluster/incomplete': {
    exit: 4,
    hint: 'nothing was changed; add the missing contents to the configuration, or accept it once with --accept-cluster',
  },
  'cluster/changed': {
    exit: 4,
    hint: 'nothing was changed; compare the configuration with the named set (`stowage show`), or accept the change once with --accept-cluster',
  },
  'set/not-found': { exit: 4, hint: 'run `stowage list` to see the sets under this root' },
  'set/incomplete': {
    exit: 3,
    hint: 'run `stowage show TIMESTAMP` to see what is missing; restore another set, or back up again',
  },
  'set/damaged': {
    exit: 3,
    hint: 'keep all other copies of this set; run `stowage verify TIMESTAMP` to see every damaged object',
  },
  'set/unreadable': {
    exit: 3,
    hint: 'the named object was truncated, changed or written by another program; use another set or a copy of this one',
  },
  'backup/empty': {
    exit: 4,
    hint: 'nothing was written; correct the database name or the selection',
  },
  'restore/refused': {
    exit: 4,
    hint: 'the target was not changed; correct the named cause and restore again',
  },
  'restore/failed': {
    exit: 3,
    hint: 'the target may hold part of the set; correct the named cause, and continue with `stowage restore --resume ID`, or start again with --create --drop-unfinished',
  },
  'set/needed': { exit: 4, hint: 'delete the sets that use it first' },
  'storage/exists': {
    exit: 5,
    hint: 'Stowage never overwrites an object, and this key exists; check that no other program writes under this root',
  },
  'storage/not-found': {
    exit: 5,
    hint: 'check that the root exists, and that no lifecycle rule or other program deletes objects under it',
  },
  'storage/denied': {
    exit: 5,
    hint: 'check the credentials and the bucket policy; docs/security.md lists the rights of each role',
  },
  'storage/unavailable': {
    exit: 5,
    hint: 'the store did not answer after all retries; check the endpoint and the network',
  },
  'storage/too-large': {
    exit: 5,
    hint: 'the object is larger than this operation allows; the message has both sizes',
  },
  'storage/changed': {
    exit: 5,
    hint: 'the object changed while it was read; check that no other program overwrites keys under this root',
  },
  'storage/invalid': {
    exit: 5,
    hint: 'the store gave an answer that Stowage cannot use; run `stowage doctor`',
  },
  'functions/silent': {
    exit: 5,
    hint: 'run `stowage doctor --deployment` to check that functions run for this root; the request stays stored',
  },
  'database/unreachable': {
    exit: 6,
    hint: 'check that server, database and role exist, and check host, port, pg_hba.conf and the password (PGPASSWORD or ~/.pgpass)',
  },
  'database/tls': {
    exit: 6,
    hint: 'check ssl on the server, and connection.sslmode, sslrootcert, sslcert and sslkey with the files that they name on this host; docs/configuration.md describes the modes',
  },
  'database/denied': {
    exit: 6,
    hint: 'the role lacks a right; run `stowage doctor` to see which rights it needs',
  },
  'database/locked': {
    exit: 6,
    hint: 'wait for the named sessions, or end them with pg_terminate_backend(pid), and retry; backup.lockAttempts and backup.lockTimeoutMs set how long a backup waits',
  },
  'database/failed': {
    exit: 6,
    hint: "the server rejected the statement; the error message has the server's reason",
  },
  'database/pooled': {
    exit: 6,
    hint: "connect to the server's own port: a pooler (PgBouncer, for example) loses the settings, locks and snapshots of a session",
  },
  'database/stalled': {
    exit: 6,
    hint: 'check the named server and process (stopped, a hung disk) and the network; end the process with pg_terminate_backend(pid) and retry; stallSeconds sets how long Stowage waits',
  },
  'database/count': {
    exit: 6,
    hint: 'the rows sent and the rows that the server counted differ; nothing was committed',
  },
  'database/tool': {
    exit: 6,
    hint: "pg_dump, pg_dumpall, pg_restore or psql failed; the error message has the program's reason",
  },
  'shipper/fifo': {
    exit: 5,
    hint: 'the connection between a program that the database started on the segment host and the shipper broke; the message says which of them ended first',
  },
  'shipper/died': {
    exit: 3,
    hint: 'check the host of the named segment: the kernel log (out of memory), free disk space, and whether its shipper or agent can run',
  },
  'shipper/protocol': {
    exit: 3,
    hint: 'the shipper and this command have different versions; install the same version on all hosts',
  },
  interrupted: {
    exit: 130,
    hint: 'stopped by a signal, or because its output could not be written; an interrupted backup stays incomplete, an interrupted restore may leave part of the set in the target, and `stowage restore --resume ID` continues it',
  },
  internal: { exit: 1, hint: 'this is a defect in Stowage; please report it with the log' },
} as const;

export type ErrorCode = keyof typeof ERRORS;

/**
 * What can be wrong with a set, or with one content of a restore: the codes in `problems` of
 * verdicts, receipts and outcomes. docs/errors.md is printed from this table, too.
 */
export const PROBLEMS = {
  'segment-failed': {
    meaning:
      'the shipper or agent of the content failed, was lost or was stopped; the message has the cause and its code',
    hint: 'correct the cause (the code in the message has its own line above), then run the backup or restore again',
  },
  'content-missing': {
    meaning:
      'a content did not deliver everything that the plan names; it follows from the failure of this or another content',
    hint: 'correct the failure that is listed first, then back up again',
  },
  'content-too-large': {
    meaning: 'the content has more extents than one manifest part may name',
    hint: 'raise `backup.frameBytes`, or back up in several sets',
  },
  'receipt-missing': {
    meaning: 'the seal names a receipt that is not stored',
    hint: 'check that no lifecycle rule or other program deletes objects under the root; back up again',
  },
  'receipt-altered': {
    meaning: 'a receipt is not the one that the seal names, or its key gave different contents',
    hint: 'check which program writes under the root; use another set',
  },
  'receipt-unreadable': {
    meaning: 'a receipt is not a valid document of this format',
    hint: 'check which program writes under the root, and that all hosts have the same version; use another set',
  },
  'relation-incomplete': {
    meaning:
      'fewer rows or bytes of a table arrived than the database counted, or it was not counted',
    hint: 'back up again; if it happens again, report it with the log of the shipper',
  },
  'relation-surplus': {
    meaning: 'more rows or bytes of a table arrived than the database counted',
    hint: 'back up again; if it happens again, report it with the log of the shipper',
  },
  'metadata-missing': {
    meaning: 'a file with definitions, roles, sequences or large objects did not arrive',
    hint: 'look for the failure of its content, then back up again',
  },
  'pack-not-tiled': {
    meaning: 'the extents of a receipt leave a gap in its pack or overlap',
    hint: 'use another set; report it with the receipt',
  },
  'document-unreadable': {
    meaning: 'a document of the set, restore or task is not valid',
    hint: 'check which program writes under the root, and that all hosts have the same version; use another set or a copy',
  },
  'documents-disagree': {
    meaning:
      'two documents, or a document and its key, contradict each other; the message has both values',
    hint: 'check which program writes under the root; use another set or a copy',
  },
  'object-missing': {
    meaning: 'an object that the manifest or another document names is not stored',
    hint: 'look for lifecycle rules and deletions; restore from a copy, or copy the object back',
  },
  'size-differs': {
    meaning: 'an object has another size than its receipt says',
    hint: 'the object was cut or replaced: restore from a copy of the set',
  },
  'etag-differs': {
    meaning:
      'an object was written again since the backup: its ETag differs from that of its receipt',
    hint: 'run `stowage verify TIMESTAMP` to see whether its bytes are still right; otherwise restore from a copy',
  },
  'digest-differs': {
    meaning: 'bytes of an object differ from the checksum of its receipt',
    hint: 'the object is damaged: keep all other copies, and restore from one of them',
  },
  'frame-unreadable': {
    meaning: 'a frame cannot be decompressed, is cut off, or holds another number of rows',
    hint: 'the object is damaged: keep all other copies, and restore from one of them',
  },
  overdue: {
    meaning: 'a set without a seal got no new object for `backup.overdueAfterSeconds`',
    hint: 'find out why the backup ended without a seal (a killed process, a lost host), then back up again',
  },
  'request-impossible': {
    meaning: 'the request for a restore does not fit the set or the target',
    hint: 'correct what the message names, and restore again',
  },
  'target-refused': {
    meaning: 'a target server refused the order before it changed anything',
    hint: 'correct what the message names: the target database was not changed by this order',
  },
  'order-failed': {
    meaning:
      'an order of a restore failed, or its receipts do not have the rows of the plan; the message has the reason',
    hint: 'correct the cause, and continue with `stowage restore --resume ID`',
  },
  'count-differs': {
    meaning:
      'after a restore, a table of the target has another number of rows than the manifest says',
    hint: 'stop other writers, and continue with `stowage restore --resume ID`, which loads the table again',
  },
  'schema-object-missing': {
    meaning:
      'after a restore, the target lacks an index, constraint, trigger or other object that the schema archive of the set has',
    hint: 'create the object from the schema archive (docs/restore-by-hand.md), or restore into a new database with --create',
  },
  'objects-failed': {
    meaning:
      'after a restore, the schema objects of the target could not be compared with the set; the message has the reason',
    hint: 'correct the cause, and restore again; --no-objects restores without the comparison',
  },
  'count-failed': {
    meaning:
      'after a restore, the rows of a table could not be counted; the message has the reason',
    hint: 'correct the cause (locks, row security, rights), and restore again or count by hand',
  },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** Where a failure happened, as far as it is known. */
export interface Where {
  readonly set?: string;
  readonly content?: number;
  /** `schema.name`. */
  readonly relation?: string;
  /** Key of the object, relative to the root. */
  readonly object?: string;
  /** Byte offset inside the object. */
  readonly offset?: number;
  /** Field of a configuration, flag or document, e.g. `segments[2].port`. */
  readonly field?: string;
}

/** The only error that crosses layers. Its message says what failed, on which object, and why. */
export class StowageError extends Error {
  override readonly name = 'StowageError';
  readonly code: ErrorCode;
  readonly where: Where;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; where?: Where } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.where = options.where ?? {};
  }

  get hint(): string {
    return ERRORS[this.code].hint;
  }

  get exitCode(): number {
    return ERRORS[this.code].exit;
  }
}

/** True for a StowageError with one of these codes; without codes, for any StowageError. */
export function isStowageError(error: unknown, ...codes: ErrorCode[]): error is StowageError {
  return error instanceof StowageError && (codes.length === 0 || codes.includes(error.code));
}

/** The message of anything thrown, for messages that quote a cause. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '')
    return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

/** Wraps any other error as `internal`, so that every reported failure has a code. */
export function asStowageError(error: unknown): StowageError {
  return error instanceof StowageError
    ? error
    : new StowageError('internal', messageOf(error), { cause: error });
}
