import type { PassedKey, SetKeys } from '../../frame/seal/set-keys.ts';

/** The keys of a set, and of the older sets whose packs it uses: only where an identity is. */
export interface HeldKeys extends SetKeys {
  /** The key of the set itself. */
  readonly setKey: Buffer;
  /** Keys of hosts that have sealed files of the set, by their ids. */
  readonly hostKeys: ReadonlyMap<string, Buffer>;
  /** The keys that a shipper needs which reads these contents. */
  passed(contents: readonly number[]): PassedKey[];
}
