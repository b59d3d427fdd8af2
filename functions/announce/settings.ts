import * as z from 'zod';
import { CHANNEL_NAME } from '../../backup-set/base/keys/ledger-keys.ts';
import { EVENT_NAMES, EVENTS, type EventName, SEVERITIES } from '../observe/events.ts';
import { templateProblem } from './template.ts';

/** `announce:` of stowage.yaml: where events go. Absent = nowhere. */

const Template = z.string().superRefine((text, context) => {
  const problem = templateProblem(text);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

const File = z.string().min(1);

const HttpUrl = z
  .string()
  .refine(
    (text) => /^https?:\/\/[^/]/.test(text) && URL.canParse(text),
    'must be a URL that begins with https:// or http://',
  )
  .refine(
    (text) => hasNoUser(text),
    'must not hold a user or password: a receiver can check the signature of secretFile',
  );

function hasNoUser(text: string): boolean {
  const url = URL.parse(text);
  return url === null || (url.username === '' && url.password === '');
}

const Webhook = z.strictObject({
  url: HttpUrl.exactOptional(),
  /** Of chat services the URL itself is a secret. */
  urlFile: File.exactOptional(),
});

const Address = z
  .string()
  .regex(/^[^\s<>@,]+@[^\s<>@,]+$|^[^<>\r\n]*<[^\s<>@,]+@[^\s<>@,]+>$/, 'must be a mail address');

const Mail = z.strictObject({
  to: z.array(Address).min(1).max(50),
  from: Address,
  server: z.string().min(1),
  port: z.int().min(1).max(65_535).default(587),
  /** `starttls`: the connection must become TLS before anything is said. */
  tls: z.enum(['starttls', 'tls', 'none']).default('starttls'),
  user: z.string().min(1).exactOptional(),
  /** Authorities that have signed the server's certificate (PEM); absent = those of Node. */
  caFile: File.exactOptional(),
});

const Sns = z.strictObject({
  topic: z.string().startsWith('arn:'),
  region: z.string().min(1).exactOptional(),
});

const KINDS = ['webhook', 'mail', 'sns', 'command'] as const;

const Channel = z
  .strictObject({
    name: z
      .string()
      .regex(CHANNEL_NAME, 'must be a lower-case letter, then letters, digits or underscores'),
    webhook: Webhook.exactOptional(),
    mail: Mail.exactOptional(),
    sns: Sns.exactOptional(),
    command: z.array(z.string().min(1)).min(1).exactOptional(),
    /** The secret of a webhook's signature, or the password of mail; also from the environment. */
    secretFile: File.exactOptional(),
    /** Names of events, and severities, which mean all events of that severity. */
    events: z
      .array(z.enum([...SEVERITIES, ...EVENT_NAMES]))
      .min(1)
      .default(['warning', 'critical']),
    subject: Template.default('[stowage] {severity}: {cluster}: {title}'),
    /** Absent = TEXT of message.ts. */
    text: Template.exactOptional(),
  })
  .superRefine((channel, context) => {
    const kinds = KINDS.filter((kind) => channel[kind] !== undefined);
    const issue = (message: string) => context.addIssue({ code: 'custom', message });
    if (kinds.length !== 1) issue(`must have exactly one of ${KINDS.join(', ')}`);
    const { webhook } = channel;
    if (webhook && (webhook.url === undefined) === (webhook.urlFile === undefined))
      issue('webhook must have exactly one of url and urlFile');
    if (channel.secretFile !== undefined && (channel.sns ?? channel.command) !== undefined)
      issue('secretFile is for webhook and mail only');
    if (channel.mail?.tls === 'none' && channel.mail.user !== undefined)
      issue('mail.user needs mail.tls starttls or tls: the password would be sent in clear');
  });
export type ChannelSettings = z.infer<typeof Channel>;

export const AnnounceSettings = z.strictObject({
  channels: z
    .array(Channel)
    .max(16)
    .default([])
    .superRefine((channels, context) => {
      const names = channels.map(({ name }) => name);
      const twice = names.find((name, at) => names.indexOf(name) !== at);
      if (twice !== undefined)
        context.addIssue({ code: 'custom', message: `channel ${twice} is listed twice` });
    }),
  /** Hours after which the newest complete set of a database is too old; absent = never. */
  overdueHours: z.number().positive().max(10_000).exactOptional(),
});
export type AnnounceSettings = z.infer<typeof AnnounceSettings>;

/** The events that a channel wants. */
export function eventsOfChannel({ events }: Pick<ChannelSettings, 'events'>): Set<EventName> {
  const wanted: ReadonlySet<string> = new Set(events);
  return new Set(EVENT_NAMES.filter((name) => wanted.has(name) || wanted.has(EVENTS[name])));
}
