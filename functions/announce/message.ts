import { bytesText, timeText } from '../observe/amounts.ts';
import { type Event, type EventNumber, severityOf } from '../observe/events.ts';
import type { ChannelSettings } from './settings.ts';
import { type FieldValues, render, renderLines } from './template.ts';

/** Where the events come from. */
export interface Origin {
  readonly cluster: string;
  readonly root: string;
}

/** One event as a channel sends it. */
export interface Message {
  readonly id: string;
  readonly subject: string;
  readonly text: string;
  /** For programs: the body of a webhook, the standard input of a command, the message of SNS. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** The text of a channel without `text`. */
const TEXT = '{title}\n\n{problems}\n\nset: {set}\nroot: {root}\nnext: {next}';

const SUBJECT_CHARS_MAX = 250;

export function messageOf(
  event: Event,
  { subject, text = TEXT }: Pick<ChannelSettings, 'subject' | 'text'>,
  origin: Origin,
): Message {
  const values = valuesOf(event, origin);
  const written = {
    subject: oneLine(render(subject, values)).slice(0, SUBJECT_CHARS_MAX).toWellFormed(),
    text: compact(renderLines(text, values)),
  };
  const { id, name, at, problems, problemsTotal, title, next, numbers, ...more } = event;
  const { stored: _, ...known } = more;
  return {
    id,
    ...written,
    body: {
      id,
      event: name,
      severity: severityOf(event),
      at: at.toISOString(),
      root: origin.root,
      ...known,
      cluster: event.cluster ?? origin.cluster,
      title,
      ...written,
      problemsTotal,
      problems,
      ...(next !== undefined && { next }),
      ...(numbers !== undefined && { numbers }),
    },
  };
}

function valuesOf(event: Event, origin: Origin): FieldValues {
  const { name, id, at, title, problems, problemsTotal, numbers = {} } = event;
  const amount = (number: EventNumber, text: (value: number) => string) => {
    const value = numbers[number];
    return value === undefined ? '' : text(value);
  };
  const more = problemsTotal - problems.length;
  const lines = problems.map((line) => `- ${oneLine(line)}`);
  return {
    event: name,
    severity: severityOf(event),
    id,
    at: at.toISOString(),
    cluster: event.cluster ?? origin.cluster,
    database: event.database ?? '',
    root: origin.root,
    set: event.set ?? '',
    restore: event.restore ?? '',
    status: event.status ?? '',
    level: event.level ?? '',
    title,
    problems: [...lines, ...(more > 0 && lines.length > 0 ? [`- and ${more} more`] : [])].join(
      '\n',
    ),
    problemsTotal: String(problemsTotal),
    tables: amount('tables', String),
    rows: amount('rows', String),
    bytes: amount('bytes', bytesText),
    storedBytes: amount('storedBytes', bytesText),
    newBytes: amount('newBytes', bytesText),
    time: amount('ms', timeText),
    object: event.object ?? '',
    next: event.next ?? '',
  };
}

/** A line break in a subject would begin another header of a mail. */
const oneLine = (text: string) => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();

/** Without the empty lines that empty fields leave. */
const compact = (text: string) => text.replace(/\n{3,}/g, '\n\n').trim();
