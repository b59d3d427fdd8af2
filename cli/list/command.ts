import { StowageError } from '../../backup-set/base/errors.ts';
import type { ClusterCommand } from '../command.ts';
import { FILTER_FLAGS, FILTER_LISTS } from './filters.ts';
import { listRestores } from './restores.ts';
import { listSets } from './sets.ts';

export const listCommand: ClusterCommand = {
  usage: 'list [what]',
  summary: 'list the sets under a root, or its restores, newest first',
  details: `[what] is sets (the default) or restores. \`stowage show\` prints one of them.
A set is about five requests; a restore is three, and the newest 200 restores are read without --all.
The column copies is there when an alternate location is configured (replica.root).`,
  flags: [
    ['--all', 'also the sets that have expired; of restores, also the oldest'],
    ...FILTER_FLAGS,
  ],
  lists: FILTER_LISTS,
  cluster: () => ({}),
  run({ flags, positional: [what = 'sets'], context }) {
    if (what === 'sets') return listSets(context, flags);
    if (what === 'restores') return listRestores(context, flags);
    throw new StowageError(
      'usage/flag',
      `list takes sets or restores, not ${JSON.stringify(what)}: \`stowage show\` prints one of them`,
      { where: { field: 'what' } },
    );
  },
};
