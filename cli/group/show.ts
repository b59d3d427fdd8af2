import { count } from '../../backup-set/base/words.ts';
import { describeMembers } from '../../backup-set/groups/groups.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import { bytes, printable } from '../output/format.ts';
import { table } from '../output/table/table.ts';
import { findGroup } from './members.ts';

/** Prints the sets of a group. @returns the exit code: 3 when it is incomplete. */
export async function showGroup(
  context: ClusterContext,
  store: ObjectStore,
  id: string,
): Promise<number> {
  const { status, members, sets } = await findGroup(context, store, id);
  const rows = members.map(({ database, status: its, timestamp }) => {
    const totals = sets.find((set) => set.timestamp === timestamp)?.totals;
    return [
      database,
      timestamp ?? '–',
      its === 'missing' ? 'no set' : its,
      totals === undefined ? '–' : String(totals.relations),
      totals === undefined ? '–' : count(totals.rows),
      totals === undefined ? '–' : bytes(totals.bytes),
    ];
  });
  context.output.result(
    { group: { id, status, members } },
    [
      table(
        [
          { title: 'database', min: 12, cut: 'middle' },
          'set',
          'status',
          { title: 'tables', align: 'right' },
          { title: 'rows', align: 'right' },
          { title: 'bytes', align: 'right' },
        ],
        rows,
        context.output.screen,
      ),
      '',
      `status: ${status}: ${printable(describeMembers(members))}`,
    ].join('\n'),
  );
  return status === 'incomplete' ? 3 : 0;
}
