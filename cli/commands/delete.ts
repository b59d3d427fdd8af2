import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import { deleteSet, planDeletion } from '../../functions/sets/delete.ts';
import type { ClusterCommand } from '../command.ts';
import { timestampFrom } from '../flags.ts';
import { withStore } from '../open.ts';
import { bytes } from '../output/format.ts';
import { functionDeps } from '../wait-for-functions.ts';

export const deleteCommand: ClusterCommand = {
  usage: 'delete <timestamp>',
  summary: 'delete one set',
  details:
    'Without --yes it prints what it would delete.\nIt deletes the manifest first, so an interrupted delete never leaves a set that looks complete.\nIt refuses to delete a set whose packs another set uses.',
  flags: [['--yes', 'delete the set']],
  cluster: () => ({}),
  async run({ flags, positional, context }) {
    const timestamp = timestampFrom(positional);
    return withStore(context, async (store) => {
      const deps = functionDeps(context, store);
      const plan = await planDeletion(deps, timestamp);
      const what = `${plural(plan.objects.length, 'object')}, ${bytes(plan.bytes)}`;
      if (plan.neededBy.length > 0) {
        throw new StowageError(
          'set/needed',
          `set ${timestamp} cannot be deleted: these sets use its packs: ${plan.neededBy.join(', ')}`,
          { where: { set: timestamp } },
        );
      }
      if (flags['yes'] === true) await deleteSet(deps, plan);
      const text =
        flags['yes'] === true
          ? `deleted set ${timestamp}: ${what}`
          : `would delete set ${timestamp}: ${what}. Nothing was deleted; add --yes to delete`;
      context.output.result(
        {
          timestamp,
          removed: flags['yes'] === true,
          objects: plan.objects.length,
          bytes: plan.bytes,
        },
        text,
      );
      return 0;
    });
  },
};
