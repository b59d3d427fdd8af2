import { markModuleUsed } from '../../storage/mark-module-used.ts';
import type { ClusterCommand } from '../command.ts';
import { FILTER_FLAGS, FILTER_LISTS } from './filters.ts';

export const listCommand: ClusterCommand = {
  usage: 'list [what]',
  summary: 'list the sets under a root, its restores, or what the console asked for, newest first',
  details: `[what] is sets (the default), restores, or requests: restores that were asked for in the console. \`stowage show\` prints one of them.
A set is about five requests; a restore or request is three, and the newest 200 of them are read without --all.
Exit code 3: an object could not be read; the last lines name it, and a set with such an object is \`unknown\`.
The column copies is there when an alternate location is configured (replica.root).`,
  flags: [
    ['--all', 'also the sets that have expired; of restores and requests, also the oldest'],
    ...FILTER_FLAGS,
  ],
  lists: FILTER_LISTS,
  cluster: () => ({}),
  words: { what: ['sets', 'restores', 'requests'] },
  async run({ flags, positional: [what], context }) {
    if (what !== undefined) markModuleUsed(`list ${what}`);
    if (what === 'requests')
      return (await import('../requests/list.ts')).listRequests(context, flags);
    if (what === 'restores') return (await import('./restores.ts')).listRestores(context, flags);
    return (await import('./sets.ts')).listSets(context, flags);
  },
};
