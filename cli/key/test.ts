import { mapInFlight } from '../../async/each-in-flight.ts';
import { asStowageError, isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import type { Identities } from '../../encryption/identities.ts';
import { keyFrom } from '../../encryption/read-set-key.ts';
import type { Deps } from '../../functions/deps.ts';
import type { ClusterContext } from '../context.ts';
import { identitiesOf } from '../keys/identities.ts';
import { progressOf } from './progress.ts';
import { type KeyedSetState, namedHost, namedSet, setsWithKeys } from './sets.ts';

const SETS_IN_FLIGHT = 8;
const SHOWN = 20;

/** One identity, or KMS, and the sets that it does not open. */
interface Tested {
  readonly identity: string;
  readonly recipient: string;
  readonly opened: number;
  readonly failed: readonly { readonly timestamp: string; readonly message: string }[];
}

/**
 * `stowage key test`: whether each of the identities opens every encrypted set of the root.
 * @throws StowageError `encryption/no-identity` when none is named.
 */
export async function testKeys(context: ClusterContext, deps: Deps): Promise<number> {
  const identities = await identitiesOf(context);
  const each = separated(identities, context.config.encryption?.kms);
  if (each.length === 0)
    throw new StowageError('encryption/no-identity', 'no identity is named, so none can be tested');
  const all = await setsWithKeys(deps, { plans: 'all', progress: progressOf(context) });
  const sets = all.filter(({ isEncrypted, keys }) => isEncrypted === true || keys.length > 0);
  const tested: Tested[] = [];
  for (const one of each) tested.push(await testOne(one, sets, all, deps));
  const isGood = sets.length > 0 && tested.every(({ failed }) => failed.length === 0);
  context.output.result(
    {
      root: deps.store.url,
      sets: sets.length,
      plainSets: all.length - sets.length,
      identities: tested,
    },
    textOf(tested, sets.length, all.length - sets.length, deps.store.url),
  );
  return isGood ? 0 : 4;
}

interface OneIdentity {
  readonly identity: string;
  readonly recipient: string;
  readonly identities: Identities;
}

function separated({ age, kms }: Identities, key: string | undefined): OneIdentity[] {
  return [
    ...age.map((one) => ({
      identity: one.from,
      recipient: one.recipient,
      identities: { age: [one] },
    })),
    ...(kms === undefined || key === undefined
      ? []
      : [{ identity: 'AWS KMS', recipient: key, identities: { age: [], kms } }]),
  ];
}

async function testOne(
  { identity, recipient, identities }: OneIdentity,
  sets: readonly KeyedSetState[],
  all: readonly KeyedSetState[],
  { store, signal }: Deps,
): Promise<Tested> {
  const results = await mapInFlight(sets, SETS_IN_FLIGHT, async (set) => {
    const { timestamp, keys, hosts } = set;
    const named = namedSet(set, all, store.url);
    const rawsOf = (stored: typeof keys) => stored.map(({ raw }) => raw);
    try {
      await keyFrom(rawsOf(keys), named, identities, { signal });
      for (const host of hosts)
        await keyFrom(rawsOf(host.keys), namedHost(named, host.keyId), identities, { signal });
      return [];
    } catch (error) {
      if (isStowageError(error, 'interrupted')) throw error;
      return [{ timestamp, message: asStowageError(error).message }];
    }
  });
  const failed = results.flat();
  return { identity, recipient, opened: sets.length - failed.length, failed };
}

function textOf(tested: readonly Tested[], sets: number, plain: number, url: string): string {
  if (sets === 0) return `no set under ${url} is encrypted: nothing was proven`;
  const lines = tested.flatMap(({ identity, recipient, opened, failed }) => [
    failed.length === 0
      ? `ok   ${identity} (${recipient}) opens all ${plural(sets, 'encrypted set')}`
      : `BAD  ${identity} (${recipient}) opens ${count(opened)} of ${plural(sets, 'encrypted set')}`,
    ...failed.slice(0, SHOWN).map(({ message }) => `       ${message}`),
    ...(failed.length > SHOWN ? [`       … and ${count(failed.length - SHOWN)} more`] : []),
  ]);
  return [...lines, ...(plain > 0 ? [`${plural(plain, 'set')} not encrypted`] : [])].join('\n');
}
