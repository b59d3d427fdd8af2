import { decode, encode } from '../backup-set/base/document.ts';
import { StowageError } from '../backup-set/base/errors.ts';
import { WrappedRestoreKeys, WrappedSealing } from '../backup-set/documents/keys/agent-keys.ts';
import type { Identities } from './identities.ts';
import type { EncryptionSettings } from './settings.ts';
import { unwrap, wrapFor } from './wrap.ts';

/** A segment, as the configuration and an order name it. */
interface Served {
  readonly content: number;
  readonly host: string;
}

export const hasRecipient = (settings: Pick<EncryptionSettings, 'agents'>, segment: Served) =>
  recipientOf(settings, segment) !== undefined;

const recipientOf = (
  { agents = {} }: Pick<EncryptionSettings, 'agents'>,
  { content, host }: Served,
): string | undefined => agents[String(content)] ?? agents[host];

/**
 * The recipient of the agent of a segment. Only the configuration of the command may name it: keys
 * that are wrapped for a recipient out of the bucket would go to anyone with rights to write there.
 * @throws StowageError `encryption/recipient`
 */
export function agentRecipient(
  settings: Pick<EncryptionSettings, 'agents'>,
  segment: Served,
): string {
  const recipient = recipientOf(settings, segment);
  const { content, host } = segment;
  if (recipient !== undefined) return recipient;
  throw new StowageError(
    'encryption/recipient',
    `encryption.agents has no recipient for the agent of content ${content}: add ${JSON.stringify(String(content))} or ${JSON.stringify(host)} with the recipient (age1…) of its identity, which the log of the agent has`,
    { where: { content, field: 'encryption.agents' } },
  );
}

/** Wraps what the agent of a content needs to encrypt its rows. */
export function wrapSealing(recipient: string, sealing: WrappedSealing): Promise<string> {
  return wrapFor(recipient, encode(WrappedSealing, sealing));
}

/**
 * What an order has for this agent.
 * @throws StowageError `encryption/no-key` when it is not for this agent, or was made for another
 * set, root or content.
 */
export async function openSealing(
  identities: Identities,
  age: string,
  expected: Pick<WrappedSealing, 'timestamp' | 'root' | 'content'>,
): Promise<WrappedSealing> {
  const bytes = await openFor(identities, age);
  const found = decode(WrappedSealing, { key: 'the wrapped keys of the order', bytes });
  requireSame(found, expected);
  return found;
}

/** Wraps what the agent of a content of the target needs to read the set. */
export function wrapRestoreKeys(recipient: string, keys: WrappedRestoreKeys): Promise<string> {
  return wrapFor(recipient, encode(WrappedRestoreKeys, keys));
}

/** As `openSealing`, of a restore. */
export async function openRestoreKeys(
  identities: Identities,
  age: string,
  expected: Pick<WrappedRestoreKeys, 'id' | 'root' | 'content'>,
): Promise<Pick<WrappedRestoreKeys, 'keys' | 'orders'>> {
  const bytes = await openFor(identities, age);
  const found = decode(WrappedRestoreKeys, { key: 'the wrapped keys of the restore', bytes });
  requireSame(found, expected);
  return found;
}

async function openFor(identities: Identities, age: string): Promise<Buffer> {
  const bytes = await unwrap(identities, age);
  if (bytes !== undefined) return bytes;
  const own = identities.age.map(({ recipient }) => recipient).join(', ');
  throw new StowageError(
    'encryption/no-key',
    `the wrapped keys are not for this agent (${own === '' ? 'it has no identity: set encryption.identityFile in agent.yaml' : own}): encryption.agents of the command must name its recipient`,
  );
}

type Bound = Readonly<Record<string, string | number>>;

function requireSame(found: object, expected: Bound): void {
  for (const [field, wanted] of Object.entries(expected)) {
    const had = (found as Bound)[field];
    if (had === wanted) continue;
    const hint = field === 'root' ? ': the command and its agents must name the root alike' : '';
    throw new StowageError(
      'encryption/no-key',
      `the wrapped keys are refused: they were made for ${field} ${had}, not for ${wanted}${hint}`,
    );
  }
}
