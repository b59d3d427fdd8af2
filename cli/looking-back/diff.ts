import { StowageError } from '../../backup-set/base/errors.ts';
import { diffSets } from '../../functions/looking-back/diff/diff.ts';
import type { ClusterCommand } from '../command.ts';
import { withStore } from '../open.ts';
import { findSet, SET_DETAILS, setNameFrom } from '../set-name.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { diffText } from './diff-text.ts';

/** Tables printed unless --all is given. */
const TABLES_SHOWN = 50;

export const diffCommand: ClusterCommand = {
  usage: 'diff <set> <other>',
  summary: 'compare two sets: tables added, dropped and changed, definitions, rows and bytes',
  details: `${SET_DETAILS}
It reads no rows: two manifests and plans, and all parts where numbers of a table are equal (two requests per segment; not with --totals-only).
Tables whose frames have equal digests have the same rows in the same order. "other rows" with equal numbers: rows or their order differ.
Exit code 3: a part of a manifest could not be read.
Example: stowage diff 20260131120000 latest`,
  flags: [
    ['--totals-only', 'compare rows and bytes by their numbers only, not by digests'],
    ['--partitions', 'also the partitions, not only their roots'],
    ['--all', `print all tables, not only ${TABLES_SHOWN}`],
  ],
  cluster: () => ({}),
  async run({ flags, positional, context }) {
    const [one, other] = positional;
    if (one === undefined || other === undefined)
      throw new StowageError('usage/flag', 'diff takes two sets: stowage diff SET OTHER');
    const names = [setNameFrom([one]), setNameFrom([other])] as const;
    return withStore(context, async (store) => {
      const from = await findSet(context, store, names[0]);
      const to = await findSet(context, store, names[1]);
      const digests = flags['totalsOnly'] !== true;
      const diff = await diffSets(functionDeps(context, store), [from, to], { digests });
      context.output.result(
        { root: store.url, ...diff },
        diffText(diff, {
          screen: context.output.screen,
          partitions: flags['partitions'] === true,
          shown: flags['all'] === true ? Number.POSITIVE_INFINITY : TABLES_SHOWN,
        }),
      );
      return diff.unreadable.length > 0 ? 3 : 0;
    });
  },
};
