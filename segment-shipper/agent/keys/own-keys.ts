import { decode, sha256 } from '../../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey, type Phase } from '../../../backup-set/base/keys.ts';
import type { BackupOrder } from '../../../backup-set/documents/agents.ts';
import {
  RESTORE_KEYS_BYTES_MAX,
  RestoreKeys,
} from '../../../backup-set/documents/keys/agent-keys.ts';
import { openRestoreKeys, openSealing } from '../../../encryption/agent-keys.ts';
import { type Identities, identitiesFrom } from '../../../encryption/identities.ts';
import type { Sealing } from '../../../frame/seal/sealing.ts';
import { type SetKeys, setKeysOf } from '../../../frame/seal/set-keys.ts';
import { sealingOf } from '../../protocol/sealing.ts';
import type { AgentConfig } from '../config.ts';
import type { Agent } from '../orders.ts';
import { refused, type SignedContent } from './signatures.ts';

type Keyed = Pick<Agent, 'config' | 'store'>;

/** Read for each order, so that a new identity needs no restart. */
export function ownIdentities({
  encryption,
}: Pick<AgentConfig, 'encryption'>): Promise<Identities> {
  return identitiesFrom({ recipients: [], ...encryption });
}

/**
 * How the rows of an order are encrypted; undefined: they are not.
 * @throws StowageError `encryption/no-key`. An agent with an identity ships encrypted sets only: an
 * order that was forged in the bucket must not make it store its rows in clear.
 */
export async function sealingFor(
  { config, store }: Keyed,
  { timestamp, content, sealing, relations }: BackupOrder,
): Promise<Sealing | undefined> {
  if (sealing === undefined) {
    if (config.encryption === undefined) return undefined;
    throw new StowageError(
      'encryption/no-key',
      `the order of set ${timestamp} is not encrypted, and encryption.identityFile of agent.yaml says that this agent stores no row in clear`,
      { where: { set: timestamp, content } },
    );
  }
  const expected = { timestamp, root: store.url, content };
  return sealingOf(await openSealing(await ownIdentities(config), sealing, expected), relations);
}

/** What an agent may do with an encrypted set. */
export interface OwnRestore {
  readonly keys: SetKeys;
  /** The digest of the order of each phase, as the command has made it. */
  readonly orders: ReadonlyMap<Phase, string>;
}

/**
 * The keys that the command has stored for a content of a restore; undefined: the set is not
 * encrypted, or this agent has no identity.
 * @param signed what the command has signed, where the agent wants that.
 * @throws StowageError `encryption/no-key`, `orders/signature`
 */
export async function restoreKeysFor(
  { config, store }: Keyed,
  { restore, content }: { readonly restore: string; readonly content: number },
  signed: Pick<SignedContent, 'keysSha256'> | undefined,
  signal: AbortSignal,
): Promise<OwnRestore | undefined> {
  if (config.encryption === undefined) return undefined;
  // The command has signed that the set is not encrypted.
  if (signed !== undefined && signed.keysSha256 === undefined) return undefined;
  const key = formatKey({ kind: 'restore-keys', restore, content });
  let bytes: Uint8Array;
  try {
    bytes = await store.read(key, { bytesMax: RESTORE_KEYS_BYTES_MAX, signal });
  } catch (error) {
    if (isStowageError(error, 'storage/not-found')) return undefined;
    throw error;
  }
  if (signed !== undefined && signed.keysSha256 !== sha256(bytes))
    throw refused(key, 'it is not what the command has signed: another program has changed it');
  const { age } = decode(RestoreKeys, { key, bytes });
  const expected = { id: restore, root: store.url, content };
  const { keys, orders } = await openRestoreKeys(await ownIdentities(config), age, expected);
  if (orders === undefined)
    throw new StowageError(
      'encryption/no-key',
      `the wrapped keys of restore ${restore} come without digests of its orders: the command is of an earlier version than this agent. Install the same version on both`,
      { where: { content, object: key } },
    );
  return {
    keys: setKeysOf(keys),
    orders: new Map(orders.map(({ phase, sha256 }) => [phase, sha256])),
  };
}
