import { count } from '../../backup-set/base/words.ts';
import { describeSets, type ListedSet } from '../../functions/sets/describe-sets.ts';
import { rootExists } from '../../storage/directory/root.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterCommand } from '../command.ts';
import { withStore } from '../open.ts';
import { bytes, duration, table } from '../output/format.ts';
import { damagedPackLines } from '../output/problems.ts';
import { functionDeps } from '../wait-for-functions.ts';

export const listCommand: ClusterCommand = {
  usage: 'list',
  summary: 'list the sets under a root, newest first',
  flags: [],
  cluster: () => ({}),
  async run({ context }) {
    return withStore(context, async (store) => {
      const sets = await describeSets(functionDeps(context, store));
      context.output.result(
        { root: store.url, sets },
        sets.length === 0
          ? await emptyText(store)
          : [textOf(sets), ...damageLines(sets)].join('\n'),
      );
      return 0;
    });
  },
};

async function emptyText(store: ObjectStore): Promise<string> {
  return (await rootExists(store))
    ? `no sets under ${store.url}`
    : `no sets: root ${store.url} does not exist yet (the first backup creates it)`;
}

function textOf(sets: readonly ListedSet[]): string {
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
    ],
    sets.map(({ timestamp, status, database, chosen, totals, elapsedMs, verdict }) => [
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
    ]),
  );
}

/** Why a set is damaged whose own last check found nothing. */
function damageLines(sets: readonly ListedSet[]): string[] {
  return sets.flatMap(({ timestamp, damagedPacks = [] }) =>
    damagedPackLines(damagedPacks, timestamp),
  );
}
