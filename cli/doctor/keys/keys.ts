import { isStowageError, messageOf } from '../../../backup-set/base/errors.ts';
import { plural } from '../../../backup-set/base/words.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import type { Identities } from '../../../encryption/identities.ts';
import { keyFrom, type NamedSet } from '../../../encryption/read-set-key.ts';
import { type EncryptionSettings, isEncrypting } from '../../../encryption/settings.ts';
import type { Deps } from '../../../functions/deps.ts';
import { readSetDocument } from '../../../functions/sets/status.ts';
import { newestSets } from '../../../functions/stored/newest.ts';
import type { ClusterContext } from '../../context.ts';
import { missingIn } from '../../key/list.ts';
import {
  type HostKeyState,
  type KeyedSetState,
  keysOfSet,
  namedHost,
  namedHosts,
} from '../../key/sets.ts';
import { identitiesOf } from '../../keys/identities.ts';
import { withStore } from '../../open.ts';
import { functionDeps } from '../../wait-for-functions.ts';
import type { Check } from '../check.ts';
import { checkDigestKey } from './digest-key.ts';

const of = 'encryption';
const NONE: EncryptionSettings = { recipients: [] };

/** Whether sets are encrypted, and can be read. Nothing without `encryption:` and such sets. */
export async function checkKeys(context: ClusterContext): Promise<Check[]> {
  const settings = context.config.encryption ?? NONE;
  try {
    return await withStore(context, async (store) => {
      const deps = functionDeps(context, store);
      const newest = await newestSet(deps);
      if (context.config.encryption === undefined && newest?.encryption === undefined) return [];
      return [
        checkRecipients(settings, newest),
        ...(await checkDigestKey(settings, deps, newest)),
        ...(await checkIdentities(context, deps, newest)),
      ];
    });
  } catch (error) {
    context.signal.throwIfAborted();
    return [
      { of, name: 'keys', ok: true, remark: true, detail: `not checked: ${messageOf(error)}` },
    ];
  }
}

async function newestSet(deps: Deps): Promise<Plan | undefined> {
  for await (const timestamp of newestSets(deps)) {
    const { document } = await readSetDocument(deps, timestamp, 'plan', Plan);
    if (document !== undefined) return document;
  }
  return undefined;
}

function checkRecipients(settings: EncryptionSettings, newest: Plan | undefined): Check {
  const check = { of, name: 'recipients', ok: true } as const;
  const count = settings.recipients.length + (settings.kms === undefined ? 0 : 1);
  if (!isEncrypting(settings)) {
    const detail =
      newest?.encryption === undefined
        ? 'none: backups are not encrypted'
        : `none: set ${newest.timestamp} is encrypted, and the next backup would not be. Set encryption.recipients`;
    return { ...check, remark: true, detail };
  }
  if (count === 1)
    return {
      ...check,
      remark: true,
      detail:
        'one only: if its identity is lost, all sets are lost. Make a second with `stowage key new`, keep it elsewhere, and add it to encryption.recipients',
    };
  if (newest !== undefined && newest.encryption === undefined)
    return {
      ...check,
      remark: true,
      detail: `${count}; set ${newest.timestamp} is not encrypted: the next set is, and stores all rows`,
    };
  return { ...check, detail: `${count}: the identity of any one opens a set` };
}

async function checkIdentities(
  context: ClusterContext,
  deps: Deps,
  newest: Plan | undefined,
): Promise<Check[]> {
  const check = { of, name: 'identity' };
  let identities: Identities;
  try {
    identities = await identitiesOf(context);
  } catch (error) {
    if (!isStowageError(error)) throw error;
    return [{ ...check, ok: false, detail: error.message }];
  }
  const set = newest?.encryption === undefined ? undefined : await namedKeysOf(deps, newest);
  const missing = set === undefined ? [] : missingRecipients(context, set);
  const hasNone = identities.age.length === 0 && identities.kms === undefined;
  if (hasNone) return [{ ...check, ok: true, ...withoutIdentity(context) }, ...missing];
  if (set === undefined || newest?.encryption === undefined)
    return [{ ...check, ok: true, detail: 'can be read; there is no encrypted set to open yet' }];
  const { keyId } = newest.encryption;
  try {
    const named = { timestamp: set.timestamp, root: newest.root, keyId };
    const open = async ({ keys }: HostKeyState, of: NamedSet) =>
      keyFrom(
        keys.map(({ raw }) => raw),
        of,
        identities,
        { signal: deps.signal },
      );
    await open({ keyId, keys: set.keys }, named);
    for (const host of set.hosts) await open(host, namedHost(named, host.keyId));
    const from = [...new Set(identities.age.map((each) => each.from))].join(', ') || 'AWS KMS';
    const detail = `${from} opens set ${set.timestamp}. So this host can read the sets, and so can a thief of it: keep the identity here only if this host restores`;
    return [{ ...check, ok: true, remark: true, detail }, ...missing];
  } catch (error) {
    if (!isStowageError(error)) throw error;
    return [{ ...check, ok: false, detail: error.message }, ...missing];
  }
}

async function namedKeysOf(deps: Deps, { timestamp, root, encryption }: Plan) {
  const set = await keysOfSet(deps, timestamp);
  return { ...set, root, hosts: namedHosts(set.hosts, encryption?.hostKeys) };
}

function withoutIdentity({ config: { schedule } }: ClusterContext) {
  const entries = Object.entries(schedule?.entries ?? {});
  const drills = entries.flatMap(([name, { drill }]) => (drill === undefined ? [] : [name]));
  if (drills.length === 0)
    return {
      detail:
        'none on this host, which is right for backups. Where one is, run `stowage key test`: it proves that the sets can be read',
    };
  const which = `${plural(drills.length, 'entry', 'entries')} of the schedule (${drills.join(', ')})`;
  return {
    remark: true as const,
    detail: `none on this host: here the drills of ${which} fail. Run them on a host with an identity that makes no backups`,
  };
}

function missingRecipients({ config }: ClusterContext, set: KeyedSetState): Check[] {
  return missingIn([set], config.encryption ?? NONE).map(({ recipient }) => ({
    of,
    name: 'recipients of sets',
    ok: true,
    remark: true,
    detail: `${recipient} of the configuration cannot open set ${set.timestamp}: \`stowage key add\` wraps the keys of older sets for it, too`,
  }));
}
