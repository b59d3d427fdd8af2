import { StowageError } from '../../backup-set/base/errors.ts';
import type { AskedRestore } from '../../backup-set/documents/restore/asked.ts';
import { formatOf } from '../../backup-set/flavours/formats.ts';
import type { ClusterCommand, Flags } from '../command.ts';
import type { ClusterContext } from '../context.ts';
import { numberFlag, rateFlag } from '../flags.ts';
import { groupNameFrom } from '../group/members.ts';
import { retriesField } from '../output/storage/retries.ts';
import { RESTORE_DETAILS, RESTORE_FLAGS, RESTORE_LISTS } from '../restore/command/flags.ts';
import { optionsFrom } from '../restore/command/options.ts';
import { exitOf, textOf } from '../restore/command/text.ts';
import { reportText } from '../restore/dry-run/report.ts';
import { reportValue } from '../restore/dry-run/report-value.ts';
import { mappedFields } from '../restore/mapped/text.ts';

/** `--globals GROUP`: the flag's value is optional, so it has taken the group. */
function groupToRestore({ globals }: Flags, positional: readonly string[]): string | undefined {
  const given = typeof globals === 'string' ? [globals, ...positional] : positional;
  return given.map((text) => groupNameFrom([text])).find((id) => id !== undefined);
}

export const restoreCommand: ClusterCommand = {
  usage: 'restore [set]',
  summary: 'restore a set, or selected tables of it, into the configured cluster',
  details: RESTORE_DETAILS,
  flags: RESTORE_FLAGS,
  lists: RESTORE_LISTS,
  cluster: (flags) => ({
    database: flags['redirectDb'] ?? flags['database'],
    'shippers.workers': numberFlag(flags, 'workers'),
    'shippers.maxRateBytes': rateFlag(flags),
    functions: flags['functions'],
  }),
  async run({ flags, positional, context }) {
    if (flags['request'] !== undefined) {
      const { restoreRequested } = await import('../requests/carry-out.ts');
      const given = { flags, positional };
      return restoreRequested(context, given, { restore: restoreCommand, run: restoreAsked });
    }
    if (flags['yes'] === true)
      throw new StowageError('usage/flag', '--yes needs --request', { where: { field: 'yes' } });
    return restoreAsked(context, flags, positional);
  },
};

/** @param asked the request that is carried out; absent = none. */
async function restoreAsked(
  context: ClusterContext,
  flags: Flags,
  positional: readonly string[],
  asked?: Pick<AskedRestore, 'id' | 'manifestSha256'>,
): Promise<number> {
  if (flags['resize'] === true && !formatOf(context.config.flavour).canResize)
    throw new StowageError(
      'usage/flag',
      '--resize needs flavour greenplum: shards are restored one to one, by content',
      {
        where: { field: 'resize' },
      },
    );
  const group = groupToRestore(flags, positional);
  if (group !== undefined) {
    const { restoreGroupCommand } = await import('../group/restore-command.ts');
    return restoreGroupCommand(context, group, flags);
  }
  const { runDryRun, runRestore } = await import('../restore/coordinate.ts');
  const named = asked && { id: asked.id, manifestSha256: asked.manifestSha256 };
  const options = { ...optionsFrom(flags, positional), ...named };
  if (flags['dryRun'] === true) {
    const found = await runDryRun(context, options);
    context.output.result(reportValue(found), reportText(found));
    return found.reasons.length === 0 ? 0 : 4;
  }
  const result = await runRestore(context, options);
  const { outcome, elapsedMs, aftermath, chosen, choices, leftEmpty, leavesLargeObjects } = result;
  const { usesOriginal = [] } = result;
  // null: it could not be found out.
  const changed = aftermath && { targetChanged: aftermath.targetChanged ?? null };
  const empty = leftEmpty.length > 0 && { leftEmpty };
  const large = leavesLargeObjects === true && { leavesLargeObjects };
  const only = chosen && { contents: chosen.restored, otherContents: chosen.others };
  const original = usesOriginal.length > 0 && { usesOriginal };
  const what = {
    ...outcome,
    ...choices,
    ...only,
    ...mappedFields(result.mapped),
    ...changed,
  };
  const all = { elapsedMs, ...what, ...empty, ...large, ...original, ...retriesField() };
  context.output.result(all, textOf(result));
  if (context.signal.aborted) return 130;
  return exitOf(result);
}
