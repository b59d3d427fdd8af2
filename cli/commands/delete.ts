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
  summary: 'remove one set and nothing else',
  details:
    'Without --yes it only says what it would remove. The manifest goes first, so that no half of a set looks complete.\nA set whose packs another set names is not removed.',
  flags: [['--yes', 'really remove it']],
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
          `set ${timestamp} holds packs that these sets need: ${plan.neededBy.join(', ')}`,
          { where: { set: timestamp } },
        );
      }
      if (flags['yes'] === true) await deleteSet(deps, plan);
      const text =
        flags['yes'] === true
          ? `removed set ${timestamp}: ${what}`
          : `would remove set ${timestamp}: ${what}; add --yes to do it`;
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
