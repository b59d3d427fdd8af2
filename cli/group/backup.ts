import { asStowageError, type StowageError } from '../../backup-set/base/errors.ts';
import { type GroupMember, type GroupState, groupStatus } from '../../backup-set/groups/groups.ts';
import { type BackupOptions, type BackupResult, runBackup } from '../backup/coordinate.ts';
import type { GroupRun } from '../backup/documents/group.ts';
import type { ClusterContext } from '../context.ts';
import { printable } from '../output/format.ts';
import { inDatabase } from './databases.ts';

/** What a run did for one database. */
export interface DatabaseBackup {
  readonly database: string;
  /** Absent after an error, which may have come after the plan of a set was stored. */
  readonly result?: BackupResult;
  readonly error?: StowageError;
}

export interface GroupBackup {
  /** Absent: no set was begun. */
  readonly id?: string;
  readonly status: GroupState['status'];
  readonly backups: readonly DatabaseBackup[];
  readonly members: readonly GroupMember[];
}

/**
 * Backs up databases one after the other, each into a set of its own. One that fails does not stop
 * the others; an interruption does.
 */
export async function backUpDatabases(
  context: ClusterContext,
  databases: readonly string[],
  options: BackupOptions,
): Promise<GroupBackup> {
  const group: GroupRun = { databases, begun: new Map() };
  const backups: DatabaseBackup[] = [];
  for (const [at, database] of databases.entries()) {
    if (context.signal.aborted) break;
    const of = `${at + 1} of ${databases.length}`;
    context.output.note('database', { database, at }, printable(`database ${database} (${of})`));
    backups.push(await backUp(inDatabase(context, database), group, options));
  }
  const members = membersOf(group, backups);
  return {
    ...(group.id !== undefined && { id: group.id }),
    status: groupStatus(members),
    backups,
    members,
  };
}

async function backUp(
  context: ClusterContext,
  group: GroupRun,
  options: BackupOptions,
): Promise<DatabaseBackup> {
  const { database } = context.config;
  try {
    return { database, result: await runBackup(context, { ...options, group }) };
  } catch (cause) {
    const error = asStowageError(cause);
    const { code, message, where } = error;
    context.output.note(
      'database-failed',
      { database, code, message, where },
      printable(`database ${database} failed: ${message} (${code}: ${error.hint})`),
    );
    return { database, error };
  }
}

function membersOf(
  { databases, begun }: GroupRun,
  backups: readonly DatabaseBackup[],
): GroupMember[] {
  return databases.map((database) => {
    const timestamp = begun.get(database);
    if (timestamp === undefined) return { database, status: 'missing' };
    const { result } = backups.find((backup) => backup.database === database) ?? {};
    // Without a verdict the functions have still to judge it.
    const status = result?.status === 'unproven' ? 'open' : (result?.status ?? 'incomplete');
    return { database, status, timestamp };
  });
}

/** 0 only when every database has a complete set. The first failure decides. */
export function exitOf({ status, backups }: GroupBackup, interrupted: boolean): number {
  if (interrupted) return 130;
  if (status === 'complete') return 0;
  return backups.find(({ error }) => error !== undefined)?.error?.exitCode ?? 3;
}
