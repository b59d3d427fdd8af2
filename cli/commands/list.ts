import { count, plural } from '../../backup-set/base/words.ts';
import { describeMembers, type GroupState, groupsOf } from '../../backup-set/groups/groups.ts';
import { describeSets, type ListedSet } from '../../functions/sets/describe-sets.ts';
import { rootExists } from '../../storage/directory/root.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterCommand, Flags } from '../command.ts';
import { withStore } from '../open.ts';
import { bytes, duration, printable } from '../output/format.ts';
import { damagedPackLines } from '../output/problems.ts';
import { table } from '../output/table/table.ts';
import { functionDeps } from '../wait-for-functions.ts';

const TAG_FLAG = [
  '--tag <tag>',
  'only the sets with this tag (repeatable: with all of them)',
] as const;

export const listCommand: ClusterCommand = {
  usage: 'list',
  summary: 'list the sets under a root, newest first',
  flags: [['--all', 'also list the sets that have expired'], TAG_FLAG],
  lists: [TAG_FLAG[0]],
  cluster: () => ({}),
  async run({ flags, context }) {
    const wanted = tagsFrom(flags);
    const isAll = flags['all'] === true;
    return withStore(context, async (store) => {
      const all = await describeSets(functionDeps(context, store));
      const tagged = all.filter(({ tags }) => wanted.every((tag) => tags.includes(tag)));
      const living = tagged.filter(({ retention }) => retention?.state !== 'expired');
      const expired = tagged.length - living.length;
      const sets = isAll ? tagged : living;
      const text = sets.length === 0 ? [await emptyText(store, wanted)] : [textOf(sets)];
      const groups = shownGroups(all, sets);
      const hidden = isAll || expired === 0 ? [] : [hiddenText(expired)];
      context.output.result(
        { root: store.url, sets, groups, expired },
        [...text, ...damageLines(sets), ...groupLines(groups), ...hidden].join('\n'),
      );
      return 0;
    });
  },
};

function tagsFrom({ tag }: Flags): readonly string[] {
  return Array.isArray(tag) ? tag.map(String) : [];
}

async function emptyText(store: ObjectStore, tags: readonly string[]): Promise<string> {
  if (tags.length > 0) return `no sets with tag ${tags.join(', ')} under ${store.url}`;
  return (await rootExists(store))
    ? `no sets under ${store.url}`
    : `no sets: root ${store.url} does not exist yet (the first backup creates it)`;
}

function textOf(sets: readonly ListedSet[]): string {
  // Columns for what a root may never use are shown only where it is used.
  const hasTags = sets.some(({ tags }) => tags.length > 0);
  const hasGroups = sets.some(({ group }) => group !== undefined);
  const hasMarks = sets.some(({ retention }) => retention !== undefined);
  return table(
    [
      'timestamp',
      'status',
      'database',
      'segments',
      'tables',
      'rows',
      'bytes',
      'stored',
      'new',
      'read',
      'sealed after',
      'last check',
      ...(hasTags ? ['tags'] : []),
      ...(hasGroups ? ['group'] : []),
      ...(hasMarks ? ['retention'] : []),
    ],
    sets.map(({ timestamp, status, database, chosen, totals, elapsedMs, verdict, ...set }) => [
      timestamp,
      status,
      database ?? '–',
      totals === undefined ? '–' : String(totals.contents),
      (totals === undefined ? '–' : String(totals.relations)) + (chosen ? ' (chosen)' : ''),
      totals === undefined ? '–' : count(totals.rows),
      totals === undefined ? '–' : bytes(totals.bytes),
      totals === undefined ? '–' : bytes(totals.usedBytes ?? totals.storedBytes),
      totals === undefined ? '–' : bytes(totals.newBytes ?? totals.storedBytes),
      totals === undefined ? '–' : String(totals.readRelations ?? totals.relations),
      elapsedMs === undefined ? '–' : duration(elapsedMs),
      verdict === undefined ? '–' : `${verdict.level} ${verdict.at.slice(0, 16)}Z`,
      ...(hasTags ? [set.tags.join(', ')] : []),
      ...(hasGroups ? [set.group?.id ?? ''] : []),
      ...(hasMarks ? [marksOf(set)] : []),
    ]),
  );
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

function marksOf({ retention }: Pick<ListedSet, 'retention'>): string {
  if (retention === undefined) return '';
  if (retention.state === 'expired') return `expired ${retention.since.slice(0, 16)}Z`;
  return printable(`held: ${retention.held}`);
}

function hiddenText(expired: number): string {
  return `${plural(expired, 'expired set')} not listed (--all lists them)`;
}

/** Why a set is damaged whose own last check found nothing. */
function damageLines(sets: readonly ListedSet[]): string[] {
  return sets.flatMap(({ timestamp, damagedPacks = [] }) =>
    damagedPackLines(damagedPacks, timestamp),
  );
}
