import { describeMembers } from '../../backup-set/groups/groups.ts';
import type { BackupResult } from '../backup/coordinate.ts';
import { printable } from '../output/format.ts';
import type { DatabaseBackup, GroupBackup } from './backup.ts';

/** The document of `--json`. */
export function groupValue<Summary extends object>(
  { id, status, members, backups }: GroupBackup,
  summaryOf: (result: BackupResult) => Summary,
) {
  return {
    group: { ...(id !== undefined && { id }), status, members },
    databases: backups.map(({ database, result, error }) => ({
      database,
      ...(result && summaryOf(result)),
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

export function groupText(
  { id, status, members, backups }: GroupBackup,
  textOf: (result: BackupResult) => string,
  /** The --identity flag that a restore needs. */
  identity = '',
): string {
  const name = id === undefined ? 'the group' : id;
  const next =
    status === 'complete' && id !== undefined
      ? `; \`stowage restore ${id} --create${identity}\` restores all of them`
      : '';
  return [
    ...backups.flatMap((backup) => [
      printable(`database ${backup.database}`),
      ...linesOf(backup, textOf),
      '',
    ]),
    printable(`${name} is ${status}: ${describeMembers(members)}${next}`),
  ].join('\n');
}

function linesOf({ result, error }: DatabaseBackup, textOf: (result: BackupResult) => string) {
  return [
    ...(result ? [textOf(result)] : []),
    ...(error ? [printable(`failed: ${error.message} (${error.code}: ${error.hint})`)] : []),
  ];
}
