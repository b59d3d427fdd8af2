/** The answers of the console's API. The page imports these types. */

/** A root, as the configuration lists it; 0 is the root of `serve`. */
export interface ConsoleRoot {
  readonly id: number;
  readonly name: string;
  readonly url: string;
  /** Its server, where it is not that of the configuration. */
  readonly endpoint?: string;
}

export interface ApiError {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}

/** `unknown`: the store withholds an object that says it (`unreadable`). */
export type SetState = 'complete' | 'incomplete' | 'damaged' | 'open' | 'overdue' | 'unknown';

export interface ConsoleSet {
  readonly timestamp: string;
  readonly state: SetState;
  readonly cluster: string;
  readonly database: string;
  readonly flavour: string;
  readonly tool: string;
  /** Of another tool: its name. */
  readonly source?: string;
  readonly startedAt?: string;
  readonly sealedAt?: string;
  readonly contents?: number;
  readonly relations?: number;
  readonly rows?: number;
  readonly bytes?: number;
  /** Bytes that the set uses in the store, also in packs of older sets. */
  readonly storedBytes?: number;
  /** Bytes that this set has added to the store. */
  readonly newBytes?: number;
  readonly tags: readonly string[];
  readonly group?: string;
  /** True: made of chosen tables only. */
  readonly chosen: boolean;
  /** Its rows and files are encrypted. */
  readonly encrypted?: true;
  readonly base?: string;
  readonly needs: readonly string[];
  /** Damaged sets whose packs it may use. */
  readonly usesDamaged: readonly string[];
  /** The verdict that decides its state. */
  readonly checked?: { readonly level: string; readonly at: string };
  /** When a check that read every byte last found it whole. */
  readonly verifiedAt?: string;
  /** That check had no key: it compared checksums, and decrypted no row. */
  readonly verifiedKeyless?: true;
  readonly problemsTotal: number;
  /** The first problems, one line each. */
  readonly problems: readonly string[];
  /** What the newest `validate` found unusual: the first ones, one line each. */
  readonly warnings: readonly string[];
  readonly warningsTotal: number;
  /** Why it is held. */
  readonly held?: string;
  readonly expiredSince?: string;
  readonly lock?: { readonly until: string; readonly status: 'complete' | 'incomplete' };
  /** Of an unfinished set: when the last object was stored. */
  readonly lastArrival?: string;
  /** A document of it that cannot be read. */
  readonly unreadable?: string;
}

export interface ConsoleRestore {
  readonly id: string;
  readonly requestedAt: string;
  readonly status: 'running' | 'stalled' | 'restored' | 'failed' | 'refused' | 'unreadable';
  readonly set?: string;
  readonly target?: string;
  readonly problems: readonly string[];
  readonly problemsTotal: number;
}

export interface Attention {
  readonly severity: 'critical' | 'warning' | 'notice';
  readonly kind: string;
  readonly title: string;
  readonly detail: string;
  /** A command line that helps, for the root of the configuration. */
  readonly command: string;
  readonly set?: string;
  readonly restore?: string;
}

export interface Overview {
  readonly root: ConsoleRoot;
  /** The store's time, in whole minutes: until something changes, answers are equal. */
  readonly now: string;
  /** When all sets were last looked at; absent until they were. */
  readonly asOf?: string;
  /** Newest first. */
  readonly sets: readonly ConsoleSet[];
  /** Older sets that are not shown. */
  readonly setsLeftOut: number;
  /** Sets that were listed and are not read yet, and one more while the restores are not. */
  readonly reading: number;
  readonly restores: readonly ConsoleRestore[];
  readonly restoresLeftOut: number;
  readonly attention: readonly Attention[];
}

/** The tables of a set in columns: index i of each array belongs to table i. */
export interface TableColumns {
  readonly schemas: readonly string[];
  /** Index in `schemas`. */
  readonly schema: readonly number[];
  readonly name: readonly string[];
  readonly rows: readonly number[];
  readonly bytes: readonly number[];
  readonly storedBytes: readonly number[];
  readonly contents: readonly number[];
}

export interface SegmentColumns {
  readonly content: readonly number[];
  readonly host: readonly string[];
  readonly rows: readonly number[];
  readonly bytes: readonly number[];
  readonly storedBytes: readonly number[];
  readonly newBytes: readonly number[];
}

export interface OneSet {
  readonly timestamp: string;
  readonly manifestSha256: string;
  readonly database: string;
  readonly flavour: string;
  readonly tables: TableColumns;
  /** Smaller tables that are not listed. */
  readonly tablesLeftOut: number;
  readonly segments: SegmentColumns;
}

/** One table in one content, in exact numbers. */
export interface Cell {
  readonly rows: number;
  readonly bytes: number;
  readonly storedBytes: number;
  readonly carriedBytes: number;
  /** The set in which the rows were last read; absent: in this one. */
  readonly readAt?: string;
  readonly frames: number;
}

export interface BackupSegment {
  readonly content: number;
  readonly host: string;
  readonly state: 'waiting' | 'shipping' | 'shipped' | 'sealed';
  readonly packs: number;
  readonly storedBytes: number;
  readonly receipts: number;
  readonly rows: number;
  readonly tables: number;
  readonly tablesPlanned: number;
  /** What an older complete set of the database added for this content; absent: there is none. */
  readonly expectedBytes?: number;
  readonly lastArrival?: string;
}

export interface BackupProgress {
  readonly timestamp: string;
  readonly now: string;
  readonly state: 'running' | 'sealed' | 'complete' | 'failed';
  readonly startedAt: string;
  /** The set that `expectedBytes` are from. */
  readonly expectedFrom?: string;
  /** Slowest first. */
  readonly segments: readonly BackupSegment[];
  /** Receipts that are stored and not read yet: rows and tables lag behind. */
  readonly unread: number;
  readonly failures: readonly string[];
}

export interface RestoreSegment {
  readonly content: number;
  readonly phase: string;
  readonly state: 'waiting' | 'working' | 'done' | 'failed';
  readonly phasesDone: number;
  readonly rows: number;
  readonly rowsPlanned: number;
  readonly bytesPlanned: number;
  readonly since?: string;
  readonly problems: readonly string[];
}

export interface RestoreProgress {
  readonly id: string;
  readonly set: string;
  readonly target: string;
  readonly mode: string;
  readonly now: string;
  readonly requestedAt: string;
  readonly status: ConsoleRestore['status'];
  readonly phases: readonly string[];
  readonly phase?: string;
  readonly segments: readonly RestoreSegment[];
  readonly problems: readonly string[];
  readonly problemsTotal: number;
}

export interface HistoryPoint {
  readonly timestamp: string;
  readonly rows: number;
  /** Absent: the set consists of the files of gpbackup, which have no sizes of tables. */
  readonly bytes?: number;
  readonly storedBytes?: number;
  readonly contents: number;
}

export interface TableHistory {
  readonly schema: string;
  readonly name: string;
  /** Oldest first; a set without the table is in `without`. */
  readonly points: readonly HistoryPoint[];
  readonly without: readonly string[];
  /** Sets whose manifest cannot be read. */
  readonly unreadable: readonly string[];
  /** Sets that are not read yet. */
  readonly reading: number;
}

/** Where the page can ask for a restore to; no targets: it cannot. */
export interface Requests {
  readonly targets: readonly AskTarget[];
  readonly expireHours: number;
  /** Newest first. */
  readonly requests: readonly ConsoleRequest[];
}

export interface AskTarget {
  readonly name: string;
  /** Absent: every database. */
  readonly databases?: readonly string[];
  readonly modes: readonly ('create' | 'fill' | 'truncate')[];
  /** `serve`: carried out without an operator. */
  readonly run: 'operator' | 'serve';
}

export interface ConsoleRequest {
  /** Also the id of its restore. */
  readonly id: string;
  readonly state:
    | 'waiting'
    | 'expired'
    | 'started'
    | 'lost'
    | 'restored'
    | 'failed'
    | 'refused'
    | 'unreadable'
    | 'forged'
    | 'unproven';
  readonly requestedAt: string;
  readonly by?: string;
  readonly set?: string;
  readonly target?: string;
  readonly database?: string;
  readonly mode?: string;
  /** 0: all. */
  readonly tables?: number;
  readonly takenBy?: string;
  readonly message?: string;
}

/** What the page sends to ask for a restore; `RestoreChoice` of the documents has the rules. */
export interface Ask {
  readonly timestamp: string;
  readonly manifestSha256: string;
  readonly target: string;
  readonly database?: string;
  readonly mode: 'create' | 'fill' | 'truncate';
  readonly tables: readonly { readonly schema: string; readonly name: string }[];
  readonly parts: 'all' | 'data-only' | 'schema-only';
  readonly flags: readonly string[];
  readonly workers?: number;
}
