import { withoutKeys } from '../messages/secrets.ts';
import { ENCRYPTION_ERRORS } from './errors/encryption-errors.ts';
import { HOST_ERRORS } from './errors/host-errors.ts';
import { REQUEST_ERRORS } from './errors/request-errors.ts';
import { ROWS_ERRORS } from './errors/rows-errors.ts';

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
  'restore/not-found': {
    exit: 4,
    hint: 'run `stowage list restores` to see the restores under this root',
  },
  'restore/refused': {
    exit: 4,
    hint: 'the target was not changed; correct the named cause and restore again',
  },
  'restore/failed': {
    exit: 3,
    hint: 'the target may hold part of the set; correct the named cause, and continue with `stowage restore --resume ID` (with the same --identity), or start again with --create --drop-unfinished',
  },
  'restore/order': {
    exit: 4,
    hint: 'rows that the changed order names were not loaded; find out which program writes below restores/, update functions that are of another version than the command, and continue with `stowage restore --resume ID` (with the same --identity)',
  },
  'adopt/not-found': {
    exit: 4,
    hint: 'nothing was written; pass the folders of the master and of all segments, and the timestamp of the set',
  },
  'adopt/unsound': {
    exit: 3,
    hint: 'find the named files on the hosts that made the set, choose another set, or take what is sound with --partial; docs/migrating.md has the rules',
  },
  'adopt/unsupported': {
    exit: 4,
    hint: 'nothing was written; docs/migrating.md lists what can be adopted, and the way for other sets',
  },
  'adopt/unreachable': {
    exit: 5,
    hint: 'nothing was written; check that ssh reaches the host without a password and may read the folder: ssh -o BatchMode=yes HOST ls FOLDER',
  },
  'adopt/fifo': {
    exit: 5,
    hint: 'nothing was written; remove a file or FIFO that an earlier run has left at this path, check that the folder can be written and that ssh reaches the host without a password',
  },
  'adopt/exists': {
    exit: 4,
    hint: 'nothing was written; `stowage show TIMESTAMP` shows the set. Delete it first if it is what an adoption left that failed',
  },
  'gpbackup/stream': {
    exit: 3,
    hint: 'a program of gpbackup on this host ended early (killed, a full disk): see the logs of gpbackup in gpAdminLogs, then back up again',
  },
  'gpbackup/failed': {
    exit: 3,
    hint: 'the report of gpbackup and its log in gpAdminLogs have the reason; correct it and back up again',
  },
  ...ROWS_ERRORS,
  ...ENCRYPTION_ERRORS,
  ...HOST_ERRORS,
  ...REQUEST_ERRORS,
  'set/needed': {
    exit: 4,
    hint: 'delete the sets that use it first, or add --force: the packs that they use stay',
  },
  'set/in-use': {
    exit: 4,
    hint: 'nothing was deleted; wait until the named work has ended, or add --force to delete the set in spite of it',
  },
  'set/held': {
    exit: 4,
    hint: 'nothing was deleted; `stowage release TIMESTAMP` ends the hold',
  },
  'set/not-locked': {
    exit: 4,
    hint: 'the hold itself counts; correct the cause (on AWS, Operator sets and Delete lifts a legal hold) and run the command again',
  },
  'set/last': {
    exit: 4,
    hint: 'nothing was deleted; back up first, or add --force to delete the last complete set',
  },
  'set/expired': {
    exit: 4,
    hint: '`stowage unexpire TIMESTAMP` takes it back while its removal has not begun; `stowage list` shows the other sets',
  },
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
  'announce/failed': {
    exit: 4,
    hint: 'correct what the channel answered (announce.channels in the configuration), then run `stowage announce test`',
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
  'database/lock-table': {
    exit: 6,
    hint: 'nothing was locked; raise max_locks_per_transaction on the named server and restart it, or back up fewer tables',
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
  'database/segment-down': {
    exit: 6,
    hint: 'the named segment of Greenplum does not answer its coordinator: see `gpstate -e`, start the segment or run gprecoverseg, and retry; after a failover the configuration stays as it is',
  },
  'database/row-too-long': {
    exit: 6,
    hint: 'no program can copy this row, pg_dump neither: split its long values over several rows, or leave the table out with --exclude-table',
  },
  'database/count': {
    exit: 6,
    hint: 'the rows sent and the rows that the server counted differ; nothing was committed',
  },
  'database/tool': {
    exit: 6,
    hint: "pg_dump, pg_dumpall, pg_restore or psql failed; the error message has the program's reason",
  },
  'database/tool-output': {
    exit: 6,
    hint: 'what pg_restore made is kept: make what is missing with `stowage restore --resume ID` (with the same --identity), which names what the server rejects again; report it with the output of pg_restore when it happens again',
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
    hint: 'stopped by a signal, or because its output could not be written; an interrupted backup stays incomplete, an interrupted restore may leave part of the set in the target, and `stowage restore --resume ID` (with the same --identity) continues it',
  },
  internal: { exit: 1, hint: 'this is a defect in Stowage; please report it with the log' },
} as const;

export type ErrorCode = keyof typeof ERRORS;

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
    // An operator's secret key may be anywhere: a field name, a path, a flag.
    super(withoutKeys(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.where = placeWithoutKeys(options.where ?? {});
  }

  get hint(): string {
    return ERRORS[this.code].hint;
  }

  get exitCode(): number {
    return ERRORS[this.code].exit;
  }
}

function placeWithoutKeys(where: Where): Where {
  const fields = Object.entries(where).map(([name, value]) => [
    name,
    typeof value === 'string' ? withoutKeys(value) : value,
  ]);
  return Object.fromEntries(fields) as Where;
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
