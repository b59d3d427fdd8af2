import type { ChannelSettings } from '../settings.ts';
import type { ChannelSecrets, Sender } from './channel.ts';

const CONNECT_MS_MAX = 10_000;
const SILENT_MS_MAX = 20_000;
/** Messages of which some recipients were rejected: a forgotten one is sent to all again. */
const PARTLY_SENT_MAX = 1_000;

/** Sends by SMTP. A connection per message: messages are rare. */
export function mailSender(
  { server, port, tls, user, from, to }: NonNullable<ChannelSettings['mail']>,
  { secret, ca }: ChannelSecrets,
  name: string,
): Sender {
  /** By message: the recipients that the server rejected. The others have it already. */
  const partlySent = new Map<string, readonly string[]>();
  return async ({ id, subject, text }, signal) => {
    // Loaded when it is needed: most roots have no mail channel.
    const { createTransport } = await import('nodemailer');
    const transport = createTransport({
      host: server,
      port,
      secure: tls === 'tls',
      requireTLS: tls === 'starttls',
      ignoreTLS: tls === 'none',
      ...(user !== undefined && { auth: { user, pass: secret ?? '' } }),
      ...(ca !== undefined && { tls: { ca } }),
      connectionTimeout: CONNECT_MS_MAX,
      greetingTimeout: CONNECT_MS_MAX,
      socketTimeout: SILENT_MS_MAX,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    const ended = Promise.withResolvers<never>();
    const end = () => ended.reject(signal.reason);
    signal.addEventListener('abort', end, { once: true });
    try {
      const sent = transport.sendMail({
        from,
        to: [...(partlySent.get(id) ?? to)],
        subject,
        text,
        // The same for each try, so that a mail program shows one message.
        messageId: `<${id}.${name}@stowage>`,
        headers: { 'Stowage-Event': id, 'Auto-Submitted': 'auto-generated' },
      });
      const { response, rejected } = await Promise.race([sent, ended.promise]);
      if (rejected.length === 0) {
        partlySent.delete(id);
        return response;
      }
      if (partlySent.size >= PARTLY_SENT_MAX) partlySent.clear();
      partlySent.set(id, rejected.map(String));
      throw new Error(`the server rejected ${rejected.join(', ')}: ${response}`);
    } finally {
      signal.removeEventListener('abort', end);
      transport.close();
    }
  };
}
