import { Instant } from '../timestamps.ts';
import { setKeysPrefix } from './set-prefixes.ts';

/** The documents that hold wrapped keys of a set. */
export type KeyDocumentKey =
  | { readonly kind: 'set-key'; readonly timestamp: string; readonly instant: string }
  | {
      /** Of a process of a host, which has sealed files with a key of its own. */
      readonly kind: 'host-key';
      readonly timestamp: string;
      readonly keyId: string;
      readonly instant: string;
    };

const HOST_KEY = /^keys\/host-([0-9a-f]{32})-(\d{17})\.json$/;

export function formatKeyDocument(key: KeyDocumentKey): string {
  return key.kind === 'set-key'
    ? `${setKeysPrefix(key.timestamp)}${key.instant}.json`
    : `${hostKeyPrefix(key.timestamp, key.keyId)}${key.instant}.json`;
}

/** Prefix of the documents that hold one key of a host. */
export function hostKeyPrefix(timestamp: string, keyId: string): string {
  return `${setKeysPrefix(timestamp)}host-${keyId}-`;
}

/** `rest` is a key after the prefix of its set. */
export function parseKeyDocument(rest: string) {
  const [, instant = ''] = /^keys\/(\d{17})\.json$/.exec(rest) ?? [];
  if (Instant.safeParse(instant).success) return { kind: 'set-key' as const, instant };
  const [, keyId = '', at = ''] = HOST_KEY.exec(rest) ?? [];
  if (!Instant.safeParse(at).success) return undefined;
  return { kind: 'host-key' as const, keyId, instant: at };
}
