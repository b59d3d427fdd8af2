import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import { deleteSet, planDeletion } from '../../functions/sets/delete.ts';
import type { ClusterCommand } from '../command.ts';
import { timestampFrom } from '../flags.ts';
import { withStore } from '../open.ts';
import { bytes, printable } from '../output/format.ts';
import { functionDeps } from '../wait-for-functions.ts';

export const deleteCommand: ClusterCommand = {
  usage: 'delete <timestamp>',
  summary: 'delete one set',
  details: [
    'Without --yes it prints what it would delete.',
    'It deletes the manifest first, so an interrupted delete never leaves a set that looks complete.',
    'It refuses to delete the only complete set, a set that is held, written or read, and a set whose packs another set uses. Packs that other sets need stay also with --force, and sets whose files increments of gpbackup need.',
  ].join('\n'),
  flags: [
    ['--yes', 'delete the set'],
    ['--force', 'delete it in spite of what it says against it'],
  ],
  cluster: () => ({}),
  async run({ flags, positional, context }) {
    const timestamp = timestampFrom(positional);
    return withStore(context, async (store) => {
      const deps = functionDeps(context, store);
      const plan = await planDeletion(deps, timestamp);
      const force = flags['force'] === true;
      const [first] = plan.refusals;
      const against = plan.refusals.map(({ message }) => message).join('; ');
      const final = plan.refusals.find(({ isFinal }) => isFinal);
      const refusal = force ? final : first;
      if (refusal !== undefined)
        throw new StowageError(refusal.code, `set ${timestamp} cannot be deleted: ${against}`, {
          where: { set: timestamp },
        });
      if (first !== undefined)
        context.output.note(
          'forced',
          { refusals: plan.refusals },
          printable(`--force: ${against}`),
        );
      const yes = flags['yes'] === true;
      if (yes) await deleteSet(deps, plan, { force });
      const stay =
        plan.packsKept === 0
          ? ''
          : `; ${plural(plan.packsKept, 'pack')} stay, because others need them`;
      const what = `${plural(plan.objects.length, 'object')}, ${bytes(plan.bytes)}${stay}`;
      const text = yes
        ? `deleted set ${timestamp}: ${what}`
        : `would delete set ${timestamp}: ${what}. Nothing was deleted; add --yes to delete`;
      context.output.result(
        {
          timestamp,
          removed: yes,
          objects: plan.objects.length,
          bytes: plan.bytes,
          packsKept: plan.packsKept,
          neededBy: plan.neededBy,
        },
        text,
      );
      return 0;
    });
  },
};
