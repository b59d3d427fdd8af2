import type { ExpirySummary } from '../../backup-set/documents/retention/expiry-summary.ts';

/** How urgent an event is. A channel of announcements chooses by it. */
export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What `serve` logs and announces; docs/operations.md has a row for each. */
export const EVENTS = {
  'set-complete': 'info',
  'set-incomplete': 'critical',
  'set-damaged': 'critical',
  'set-warnings': 'warning',
  'set-verified': 'info',
  'set-copied': 'info',
  'copy-failed': 'critical',
  'restore-asked': 'info',
  'restore-done': 'info',
  'restore-failed': 'critical',
  'drill-passed': 'info',
  'drill-failed': 'critical',
  'backup-overdue': 'critical',
  'run-failed': 'critical',
  'run-lost': 'critical',
  'run-missed': 'critical',
  'agent-silent': 'warning',
  'expiry-done': 'info',
  'expiry-failed': 'warning',
  'storage-failing': 'critical',
  'storage-back': 'info',
  test: 'info',
} as const satisfies Readonly<Record<string, Severity>>;

export type EventName = keyof typeof EVENTS;
export const EVENT_NAMES = Object.keys(EVENTS) as EventName[];

/** What happened, with everything that a message may say about it. */
export interface Event {
  /** `<instant>-<name>-<subject>`: the same in every server that sees it. */
  readonly id: string;
  readonly name: EventName;
  /** When it happened, by the store's time. */
  readonly at: Date;
  /** One line, without the name of the cluster. */
  readonly title: string;
  /** Its first problems or warnings, one line each; `problemsTotal` counts all. */
  readonly problems: readonly string[];
  readonly problemsTotal: number;
  /** The command that shows or does what is next. */
  readonly next?: string;
  readonly cluster?: string | undefined;
  readonly database?: string | undefined;
  readonly set?: string;
  readonly restore?: string;
  readonly status?: string;
  readonly level?: string;
  /** The key of the document that says it. */
  readonly object?: string;
  /** Numbers of a set or restore: tables, rows, bytes, milliseconds. */
  readonly numbers?: Readonly<Partial<Record<EventNumber, number>>>;
  /** What a run of expiry did. */
  readonly expiry?: ExpirySummary;
  /** False for an event of this server only, which no ledger in the bucket can know. */
  readonly stored: boolean;
}

export const EVENT_NUMBERS = ['tables', 'rows', 'bytes', 'storedBytes', 'newBytes', 'ms'] as const;
export type EventNumber = (typeof EVENT_NUMBERS)[number];

/** Lines of problems in an event; its document has all. */
export const PROBLEMS_IN_EVENT = 10;

export const severityOf = ({ name }: Pick<Event, 'name'>): Severity => EVENTS[name];
