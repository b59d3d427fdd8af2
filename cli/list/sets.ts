import { messageOf } from '../../backup-set/base/errors.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import { describeMembers, type GroupState, groupsOf } from '../../backup-set/groups/groups.ts';
import { copiedTo } from '../../functions/sets/copies.ts';
import { describeSets, type ListedSet } from '../../functions/sets/describe-sets.ts';
import { rootExists } from '../../storage/directory/root.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Flags } from '../command.ts';
import type { ClusterContext } from '../context.ts';
import { withReplica } from '../open.ts';
import { printable } from '../output/format.ts';
import { damagedPackLines } from '../output/problems.ts';
import {
  exitOfLook,
  lookWith,
  unreadableLines,
  unreadableValue,
} from '../output/storage/unreadable.ts';
import { missingRunner } from '../schedule/missing-runner.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { type Filters, filtered, filtersFrom, filterText } from './filters.ts';
import { type Copies, setsTable } from './sets-table.ts';

const STATUSES = ['complete', 'incomplete', 'damaged', 'open', 'expired', 'unknown'] as const;

/** An alternate location that does not answer must not keep the list from its reader. */
const COPIES_MS_MAX = 15_000;

/** Prints the sets under the root. @returns the exit code. */
export async function listSets(context: ClusterContext, flags: Flags): Promise<number> {
  const now = context.clock();
  const filters = filtersFrom(flags, STATUSES, now);
  return withReplica(context, async (store, replica) => {
    const look = lookWith(functionDeps(context, store));
    const all = await describeSets(look.deps);
    const unreadable = look.unreadable();
    const { sets, expired } = chosenSets(all, filters, flags['all'] === true);
    const copied = await copiesOf(context, replica, sets);
    const copies = replica && ((timestamp: string) => copied && 1 + Number(copied.has(timestamp)));
    const groups = shownGroups(all, sets);
    const { screen } = context.output;
    const runner = await missingRunner(context, store).catch(() => {
      context.signal.throwIfAborted();
      return undefined;
    });
    context.output.result(
      {
        root: store.url,
        sets: sets.map((set) => withCopies(set, copies)),
        groups,
        expired,
        ...unreadableValue(unreadable),
        ...(runner !== undefined && { warnings: [runner] }),
      },
      [
        sets.length === 0
          ? await emptyText(store, filters, all.length)
          : setsTable(sets, { now, screen, ...(copies && { copies }) }),
        ...damageLines(sets),
        ...groupLines(groups),
        ...(runner === undefined ? [] : [printable(runner)]),
        ...hiddenLines({ shown: sets.length, all: all.length, expired }, filters),
        ...unreadableLines(unreadable),
      ].join('\n'),
    );
    return exitOfLook(unreadable);
  });
}

/** The sets to list. Those that have expired are asked for by --all, or by their status. */
export function chosenSets(
  all: readonly ListedSet[],
  filters: Filters,
  isAll: boolean,
): { sets: ListedSet[]; expired: number } {
  const wantsExpired = isAll || filters.statuses.includes('expired');
  const isExpired = ({ retention }: ListedSet) => retention?.state === 'expired';
  const of = (set: ListedSet) => ({
    ...set,
    time: set.timestamp,
    status: isExpired(set) ? 'expired' : set.status,
  });
  const everything = { ...filters, last: undefined };
  const expired = filtered(all.filter(isExpired), of, everything).length;
  const listed = wantsExpired ? all : all.filter((set) => !isExpired(set));
  return { sets: filtered(listed, of, filters), expired: wantsExpired ? 0 : expired };
}

/** The sets that the alternate location holds; undefined when there is none or it fails. */
async function copiesOf(
  context: ClusterContext,
  replica: ObjectStore | undefined,
  sets: readonly ListedSet[],
): Promise<ReadonlySet<string> | undefined> {
  if (replica === undefined) return undefined;
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(COPIES_MS_MAX)]);
  const timestamps = sets.map(({ timestamp }) => timestamp);
  try {
    return await copiedTo(replica, timestamps, { signal });
  } catch (error) {
    context.signal.throwIfAborted();
    const message = messageOf(error);
    context.output.note(
      'copies-unknown',
      { root: replica.url, message },
      printable(`the copies at ${replica.url} are not known: ${message}`),
    );
    return undefined;
  }
}

function withCopies(set: ListedSet, copies: Copies | undefined) {
  const known = copies?.(set.timestamp);
  return known === undefined ? set : { ...set, copies: known };
}

async function emptyText(store: ObjectStore, filters: Filters, others: number): Promise<string> {
  const text = filterText(filters);
  if (text !== '' && others > 0)
    return printable(`no sets with ${text} under ${store.url} (it has ${plural(others, 'set')})`);
  return (await rootExists(store))
    ? `no sets under ${store.url}`
    : `no sets: root ${store.url} does not exist yet (the first backup creates it)`;
}

/** The groups of the sets that are listed, with what is known of their other sets. */
function shownGroups(all: readonly ListedSet[], shown: readonly ListedSet[]): GroupState[] {
  const ids = new Set(shown.map(({ group }) => group?.id));
  return groupsOf(all).filter(({ id }) => ids.has(id));
}

function groupLines(groups: readonly GroupState[]): string[] {
  return groups
    .filter(({ status }) => status !== 'complete')
    .map(({ id, status, members }) => printable(`${id} is ${status}: ${describeMembers(members)}`));
}

function hiddenLines(
  { shown, all, expired }: { shown: number; all: number; expired: number },
  filters: Filters,
): string[] {
  const isNarrowed = filterText(filters) !== '' && shown > 0 && shown < all;
  return [
    ...(isNarrowed ? [`${count(shown)} of ${plural(all, 'set')} listed`] : []),
    ...(expired > 0 ? [`${plural(expired, 'expired set')} not listed (--all lists them)`] : []),
  ];
}

/** Why a set is damaged whose own last check found nothing. */
function damageLines(sets: readonly ListedSet[]): string[] {
  return sets.flatMap(({ timestamp, damagedPacks = [] }) =>
    damagedPackLines(damagedPacks, timestamp),
  );
}
