import { plural } from '../../backup-set/base/words.ts';
import type { Recipients } from '../../encryption/set-key.ts';
import type { Deps } from '../../functions/deps.ts';
import type { ClusterContext } from '../context.ts';
import { table } from '../output/table/table.ts';
import { isSame, LOST, LOST_HOST, namesOf } from './change.ts';
import { progressOf } from './progress.ts';
import { type KeyedSetState, openersOf, setsWithKeys } from './sets.ts';

/** Successive sets with the same recipients. */
export interface RecipientGroup {
  readonly first: string;
  readonly last: string;
  readonly sets: number;
  readonly recipients: readonly string[];
}

/** Sets without a key document stand between groups, and belong to none. Pure. */
function groupsOf(sets: readonly KeyedSetState[]): RecipientGroup[] {
  const groups: RecipientGroup[] = [];
  for (const set of sets.filter(({ keys }) => keys.length > 0)) {
    const recipients = openersOf(set);
    const { timestamp } = set;
    const open = groups.at(-1);
    if (open !== undefined && open.recipients.join() === recipients.join())
      groups[groups.length - 1] = { ...open, last: timestamp, sets: open.sets + 1 };
    else groups.push({ first: timestamp, last: timestamp, sets: 1, recipients });
  }
  return groups;
}

/** A recipient of the configuration, and the sets that it cannot open. */
export interface Missing {
  readonly recipient: string;
  readonly sets: readonly string[];
}

export function missingIn(sets: readonly KeyedSetState[], recipients: Recipients): Missing[] {
  const encrypted = sets.filter(({ keys }) => keys.length > 0);
  return namesOf(recipients)
    .map((recipient) => ({
      recipient,
      sets: encrypted
        .filter((set) => !openersOf(set).some((stored) => isSame(stored, recipient)))
        .map(({ timestamp }) => timestamp),
    }))
    .filter(({ sets: without }) => without.length > 0);
}

/** @returns exit code 3 when a set has lost its key document, or one of them cannot be read. */
export async function listKeysOfSets(context: ClusterContext, deps: Deps): Promise<number> {
  const sets = await setsWithKeys(deps, { plans: 'without-key', progress: progressOf(context) });
  const groups = groupsOf(sets);
  const missing = missingIn(sets, context.config.encryption ?? { recipients: [] });
  const keyless = sets.filter(({ keys }) => keys.length === 0);
  const lost = keyless.filter(({ isLost }) => isLost).map(({ timestamp }) => timestamp);
  const without = keyless.length - lost.length;
  const lostHosts = sets.flatMap(({ timestamp, hosts }) =>
    hosts.some(({ keys }) => keys.length === 0) ? [timestamp] : [],
  );
  const damaged = sets.flatMap(({ keys, hosts }) =>
    [...keys, ...hosts.flatMap((host) => host.keys)].flatMap(({ raw, problem }) =>
      problem === undefined ? [] : [{ object: raw.key, message: problem }],
    ),
  );
  const rows = groups.map(({ first, last, sets: number, recipients }) => [
    first,
    last,
    String(number),
    recipients.join(' '),
  ]);
  const lines = [
    ...(groups.length === 0
      ? [`no set under ${deps.store.url} has a key document`]
      : [table(COLUMNS, rows, context.output.screen)]),
    '',
    ...(without > 0 ? [`${plural(without, 'set')} without a key document: not encrypted`] : []),
    ...damaged.map(({ message }) => `BAD ${message}`),
    ...lost.map((timestamp) => `BAD set ${timestamp} is encrypted: ${LOST}`),
    ...lostHosts.map((timestamp) => `BAD set ${timestamp} is encrypted: ${LOST_HOST}`),
    ...missing.map(
      ({ recipient, sets: named }) =>
        `${recipient} of the configuration cannot open ${plural(named.length, 'set')} (${named[0]} to ${named.at(-1)}): \`stowage key add\` changes it`,
    ),
  ];
  context.output.result(
    { root: deps.store.url, groups, withoutKey: without, lost, lostHosts, missing, damaged },
    lines.join('\n').trimEnd(),
  );
  return lost.length + lostHosts.length + damaged.length === 0 ? 0 : 3;
}

const COLUMNS = [
  'first set',
  'last set',
  'sets',
  { title: 'recipients', min: 24, cut: 'fold' },
] as const;
