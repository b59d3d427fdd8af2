import { StowageError } from '../../backup-set/base/errors.ts';
import type { Flags } from '../command.ts';
import { dashed } from '../config/flag-names.ts';
import type { ClusterContext } from '../context.ts';
import { printable } from '../output/format.ts';
import { optionsFrom } from '../restore/command/options.ts';
import { exitOf, textOf } from '../restore/command/text.ts';
import { reportText } from '../restore/dry-run/report.ts';
import { reportValue } from '../restore/dry-run/report-value.ts';
import type { RestoreOptions } from '../restore/request.ts';
import { restoreCommandOf } from './again.ts';
import { type DatabaseRestore, type GroupRestore, lookAtGroup, restoreGroup } from './restore.ts';

/** Flags that are about one database. */
const NOT_FOR_A_GROUP = [
  'redirectDb',
  'database',
  'before',
  'resume',
  'content',
  'includeSchema',
  'excludeSchema',
  'includeTable',
  'excludeTable',
  'intoSchema',
  'table',
  'as',
] as const;

/** `stowage restore GROUP`. @returns the exit code. */
export async function restoreGroupCommand(
  context: ClusterContext,
  id: string,
  flags: Flags,
): Promise<number> {
  const wrong = NOT_FOR_A_GROUP.find((name) => flags[name] !== undefined);
  if (wrong !== undefined)
    throw new StowageError(
      'usage/flag',
      `--${dashed(wrong)} is about one database: it does not go with ${id}. \`stowage show ${id}\` lists the sets of the group, each of which can be restored with it`,
      { where: { field: wrong } },
    );
  // The place of the set: each database of the group has its own.
  const options = optionsFrom(flags, [id.slice(id.indexOf('-') + 1)]);
  if ('resume' in options) throw new Error('--resume was refused above');
  if (flags['dryRun'] === true) return dryRunGroup(context, id, options);
  const restored = await restoreGroup(context, id, options);
  context.output.result(documentOf(restored, flags), textOfGroup(restored, flags));
  if (context.signal.aborted) return 130;
  return exitOfGroup(restored);
}

/** Says of every database whether its restore can begin, and changes nothing. */
async function dryRunGroup(
  context: ClusterContext,
  id: string,
  options: Omit<RestoreOptions, 'set'>,
): Promise<number> {
  const found = await lookAtGroup(context, id, options);
  context.output.result(
    { group: { id }, databases: found.map((one) => reportValue(one)) },
    found.map((one) => reportText(one)).join('\n\n'),
  );
  return found.every(({ reasons }) => reasons.length === 0) ? 0 : 4;
}

function documentOf({ id, restores, missing }: GroupRestore, flags: Flags) {
  return {
    group: { id, missing },
    databases: restores.map(({ database, timestamp, result, error }) => ({
      database,
      timestamp,
      started: result !== undefined || error !== undefined,
      ...(result === undefined &&
        error === undefined && { command: restoreCommandOf(timestamp, flags) }),
      ...(result && { ...result.outcome, ...result.choices }),
      ...(error && {
        error: {
          code: error.code,
          message: error.message,
          where: error.where,
          hint: error.hint,
        },
      }),
    })),
  };
}

function textOfGroup({ id, restores, missing }: GroupRestore, flags: Flags): string {
  const isDone = ({ result }: DatabaseRestore) => result !== undefined && exitOf(result) === 0;
  const done = restores.filter(isDone).length;
  const rest = restores.filter(({ result, error }) => result === undefined && error === undefined);
  return [
    ...restores.flatMap((one) => [printable(`database ${one.database}`), ...linesOf(one), '']),
    ...rest.map(({ database, timestamp }) =>
      printable(
        `database ${database} was not started: \`${restoreCommandOf(timestamp, flags)}\` restores it`,
      ),
    ),
    ...missing.map((database) => printable(`database ${database} has no complete set in ${id}`)),
    `${id}: restored ${done} of ${restores.length + missing.length} databases`,
  ].join('\n');
}

function linesOf({ result, error }: DatabaseRestore): string[] {
  if (result !== undefined) return [textOf(result)];
  if (error !== undefined)
    return [printable(`failed: ${error.message} (${error.code}: ${error.hint})`)];
  return ['not started'];
}

function exitOfGroup({ restores }: GroupRestore): number {
  for (const { result, error } of restores) {
    const code = error?.exitCode ?? (result === undefined ? 3 : exitOf(result));
    if (code !== 0) return code;
  }
  return 0;
}
