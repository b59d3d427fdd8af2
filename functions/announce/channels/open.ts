import { isStowageError, messageOf, StowageError } from '../../../backup-set/base/errors.ts';
import { type ChannelSettings, eventsOfChannel } from '../settings.ts';
import { type Channel, type ChannelSecrets, type Sender, sendError } from './channel.ts';
import { commandSender } from './command.ts';
import { mailSender } from './mail.ts';
import { snsSender } from './sns.ts';
import { webhookSender } from './webhook.ts';

/** Less than the first pause between two tries, so that two servers never send at once. */
export const SEND_MS_MAX = 30_000;

export interface ChannelContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: () => Date;
  /** Tests wait less. */
  readonly sendMsMax?: number;
}

/** Connects to nothing before the first message. */
export function openChannel(
  settings: ChannelSettings,
  secrets: ChannelSecrets,
  context: ChannelContext,
): Channel {
  const { name } = settings;
  const { sendMsMax = SEND_MS_MAX } = context;
  const { sender, target } = senderOf(settings, secrets, context);
  return {
    settings,
    target,
    events: eventsOfChannel(settings),
    async send(message, signal) {
      const timeout = AbortSignal.timeout(sendMsMax);
      try {
        return await sender(message, AbortSignal.any([signal, timeout]));
      } catch (error) {
        if (signal.aborted || isStowageError(error, 'interrupted')) throw error;
        const slow = timeout.aborted && `no answer within ${Math.round(sendMsMax / 1000)} s`;
        const url = secrets.url ?? settings.webhook?.url;
        throw sendError(name, slow || causeOf(error), { ...secrets, url });
      }
    },
  };
}

function senderOf(
  { name, webhook, mail, sns, command }: ChannelSettings,
  secrets: ChannelSecrets,
  { env, clock }: ChannelContext,
): { sender: Sender; target: string } {
  if (webhook !== undefined) {
    const url = URL.parse(secrets.url ?? webhook.url ?? '');
    if (url === null)
      throw new StowageError('config/invalid', `channel ${name}: webhook.urlFile holds no URL`);
    if (url.username !== '' || url.password !== '')
      throw new StowageError(
        'config/invalid',
        `channel ${name}: the URL of the webhook must not hold a user or password`,
      );
    // The path and the query of a chat service's URL are its secret.
    return { sender: webhookSender(webhook, secrets, clock), target: `webhook ${url.origin}` };
  }
  if (mail !== undefined)
    return { sender: mailSender(mail, secrets, name), target: `mail ${mail.to.join(', ')}` };
  if (sns !== undefined) return { sender: snsSender(sns), target: `sns ${sns.topic}` };
  return { sender: commandSender(command ?? [], env), target: `command ${command?.[0]}` };
}

/** `fetch failed` says nothing: its cause does. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && cause.message !== ''
    ? `${messageOf(error)}: ${cause.message}`
    : messageOf(error);
}
