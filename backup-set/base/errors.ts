/**
 * Every way in which Stowage can fail that a user can do something about: one stable code, the exit code it
 * leads to, and the next step. docs/errors.md is printed from this table. Codes are never reused.
 */
export const ERRORS = {
  'usage/flag': { exit: 2, hint: 'run the command with --help to see what it takes' },
  'config/missing': {
    exit: 2,
    hint: 'write a stowage.yaml (docs/configuration.md has one to start from) or pass --config',
  },
  'config/invalid': {
    exit: 2,
    hint: 'correct the named field; `stowage config` shows where each value came from',
  },
  'set/not-found': { exit: 4, hint: '`stowage list` shows the sets under this root' },
  'set/incomplete': {
    exit: 3,
    hint: 'the set has no manifest; `stowage show` names what is missing. Take a new backup',
  },
  'set/damaged': {
    exit: 3,
    hint: 'do not delete the other copies of this set; `stowage verify` names every bad object',
  },
  'set/unreadable': {
    exit: 3,
    hint: 'the named object is not what docs/format.md describes; was it written by another program?',
  },
  'backup/empty': {
    exit: 4,
    hint: 'nothing was written; check the database name and the selection',
  },
  'restore/refused': {
    exit: 4,
    hint: 'nothing was changed in the target; correct the named cause and try again',
  },
  'restore/failed': {
    exit: 3,
    hint: 'the target holds part of the set; correct the named cause and restore again',
  },
  'set/needed': { exit: 4, hint: 'delete the sets that need it first' },
  'storage/exists': {
    exit: 5,
    hint: 'objects are never overwritten; something else wrote this key first',
  },
  'storage/not-found': {
    exit: 5,
    hint: 'the object is not there; was it expired or deleted by another program?',
  },
  'storage/denied': {
    exit: 5,
    hint: 'check the credentials and the bucket policy (docs/security.md says who may do what)',
  },
  'storage/unavailable': {
    exit: 5,
    hint: 'the store did not answer after all retries; check the endpoint and the network',
  },
  'storage/too-large': { exit: 5, hint: 'the object is larger than this operation allows' },
  'storage/changed': {
    exit: 5,
    hint: 'the object changed while it was read; is something overwriting keys under this root?',
  },
  'storage/invalid': {
    exit: 5,
    hint: 'the store answered something that Stowage does not understand; run `stowage doctor`',
  },
  'functions/silent': {
    exit: 5,
    hint: 'see that functions run for this root: `stowage doctor --deployment`; what was asked for stays asked for',
  },
  'database/unreachable': {
    exit: 6,
    hint: 'check host, port, pg_hba.conf and the password (PGPASSWORD or ~/.pgpass)',
  },
  'database/denied': {
    exit: 6,
    hint: 'the role lacks a right; `stowage doctor` lists what it needs',
  },
  'database/locked': {
    exit: 6,
    hint: 'the named sessions hold locks; wait for them, or end them, and try again',
  },
  'database/failed': {
    exit: 6,
    hint: 'the server refused the statement; its own message is above',
  },
  'database/count': {
    exit: 6,
    hint: 'rows sent and rows counted by the server differ; nothing was committed',
  },
  'database/tool': {
    exit: 6,
    hint: 'pg_dump, pg_dumpall, pg_restore or psql failed; its own message is above',
  },
  'shipper/fifo': {
    exit: 5,
    hint: 'a program that the database started on the segment host and the shipper there lost each other; the message says which went first',
  },
  'shipper/died': {
    exit: 3,
    hint: 'the shipper of the named segment ended early; look at its host (memory, kill, disk)',
  },
  'shipper/protocol': {
    exit: 3,
    hint: 'the shipper and this command speak different versions; install the same on all hosts',
  },
  interrupted: { exit: 130, hint: 'ended on request; nothing was committed' },
  internal: { exit: 1, hint: 'this is a defect in Stowage; please report it with the log' },
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** Where a failure happened, as far as it is known; every field that is there is printed and logged. */
export interface Where {
  readonly set?: string;
  readonly content?: number;
  /** `schema.name` as a person writes it. */
  readonly relation?: string;
  /** Key of the object, relative to the root. */
  readonly object?: string;
  /** Byte offset inside the object. */
  readonly offset?: number;
  /** Field of a configuration, flag or document, e.g. `segments[2].port`. */
  readonly field?: string;
}

/** The only error class that crosses a layer. The message says what happened to which thing; the cause is kept. */
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

/** True for an error of ours with one of these codes. */
export function isStowageError(error: unknown, ...codes: ErrorCode[]): error is StowageError {
  return error instanceof StowageError && (codes.length === 0 || codes.includes(error.code));
}

/** What anything thrown says, for messages that quote a cause. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '')
    return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

/** Wraps what is not ours yet as `internal`, so that every failure has a code by the time it is reported. */
export function asStowageError(error: unknown): StowageError {
  return error instanceof StowageError
    ? error
    : new StowageError('internal', messageOf(error), { cause: error });
}
