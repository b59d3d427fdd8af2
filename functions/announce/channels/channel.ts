import { StowageError } from '../../../backup-set/base/errors.ts';
import type { EventName } from '../../observe/events.ts';
import type { Message } from '../message.ts';
import type { ChannelSettings } from '../settings.ts';

/** What a channel needs that no configuration holds. It is never logged. */
export interface ChannelSecrets {
  /** The secret of a webhook's signature, or the password of mail. */
  readonly secret?: string | undefined;
  /** Of `webhook.urlFile`. */
  readonly url?: string | undefined;
  /** Of `mail.caFile`. */
  readonly ca?: string | undefined;
}

/** A way to tell people or programs of an event. */
export interface Channel {
  readonly settings: ChannelSettings;
  /** `webhook`, `mail`, `sns` or `command`, and where to, without a secret. */
  readonly target: string;
  readonly events: ReadonlySet<EventName>;
  /**
   * Sends once. May be called again with the same message after a failure.
   * @returns what the other side answered.
   * @throws StowageError `announce/failed` with the answer or the cause, and without a secret.
   */
  send(message: Message, signal: AbortSignal): Promise<string>;
}

/** Sends one message in the way of one kind. It throws any error. */
export type Sender = (message: Message, signal: AbortSignal) => Promise<string>;

const ANSWER_CHARS_MAX = 300;

/** The beginning of an answer, in one line. */
export function answerText(text: string): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  return line.length > ANSWER_CHARS_MAX
    ? `${line.slice(0, ANSWER_CHARS_MAX).toWellFormed()}…`
    : line;
}

/** The error of a send: a text that no secret is part of. */
export function sendError(name: string, text: string, { secret, url }: ChannelSecrets) {
  const hidden = [secret, url].filter((value) => value !== undefined && value.length > 0);
  const safe = hidden.reduce<string>((left, value) => left.replaceAll(value ?? '', '…'), text);
  return new StowageError('announce/failed', `channel ${name}: ${answerText(safe)}`);
}
