import { Instant } from '../timestamps.ts';

/** Tries to send an event, and how they ended (docs/design/0044-announcements.md). */
export const ANNOUNCEMENTS = 'announcements/';
/** Tries to send one event through one channel. */
export const TRIES_MAX = 6;

/** Without a dash: a policy tells channels from events by the dash. */
export const CHANNEL_NAME = /^[a-z][a-z0-9_]{0,31}$/;
const EVENT = /^(\d{17})-[a-z0-9][a-z0-9-]{0,99}$/;

export type LedgerStep = 'sent' | 'failed' | number;

export type LedgerKey =
  | { readonly kind: 'announcement-channel'; readonly channel: string }
  | {
      readonly kind: 'announcement';
      /** `<instant>-<name>-<subject>`. */
      readonly event: string;
      readonly channel: string;
      readonly step: LedgerStep;
    };

export function formatLedgerKey(key: LedgerKey): string {
  return key.kind === 'announcement-channel'
    ? `${ANNOUNCEMENTS}channels/${key.channel}.json`
    : `${triesPrefix(key.event, key.channel)}${key.step}.json`;
}

/** Prefix of the tries to send an event through a channel. */
export function triesPrefix(event: string, channel: string): string {
  return `${ANNOUNCEMENTS}${event}/${channel}/`;
}

export function parseLedgerKey(text: string): LedgerKey | undefined {
  const [folder = '', name = '', step] = text.slice(ANNOUNCEMENTS.length, -5).split('/');
  if (!CHANNEL_NAME.test(name)) return undefined;
  if (step === undefined)
    return folder === 'channels' ? { kind: 'announcement-channel', channel: name } : undefined;
  const [, instant = ''] = EVENT.exec(folder) ?? [];
  if (!Instant.safeParse(instant).success) return undefined;
  const number = Number(step);
  const known = step === 'sent' || step === 'failed' ? step : number;
  if (typeof known === 'number' && !(known >= 1 && known <= TRIES_MAX)) return undefined;
  return { kind: 'announcement', event: folder, channel: name, step: known };
}
