import { asStowageError, StowageError } from '../../backup-set/base/errors.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import { plural } from '../../backup-set/base/words.ts';
import { describeMembers } from '../../backup-set/groups/groups.ts';
import type { ClusterContext } from '../context.ts';
import { sameIdentity } from '../keys/identity-words.ts';
import { withStore } from '../open.ts';
import { printable } from '../output/format.ts';
import { exitOf } from '../restore/command/text.ts';
import { runDryRun, runRestore } from '../restore/coordinate.ts';
import type { DryRun } from '../restore/dry-run/dry-run.ts';
import type { RestoreOptions } from '../restore/request.ts';
import type { RestoreResult } from '../restore/result.ts';
import { reasonLines } from '../restore/target-check/reasons.ts';
import { inDatabase } from './databases.ts';
import { type FoundGroup, findGroup } from './members.ts';

/** A database of the group and its set. */
interface Chosen {
  readonly database: string;
  readonly timestamp: string;
}

export interface DatabaseRestore extends Chosen {
  /** Absent: it was not started, because another one failed before. */
  readonly result?: RestoreResult;
  readonly error?: StowageError;
}

export interface GroupRestore {
  readonly id: string;
  readonly restores: readonly DatabaseRestore[];
  /** Databases of the group that have no complete set (--allow-missing). */
  readonly missing: readonly string[];
}

/**
 * Restores every database of a group under its own name, one after the other. The sets and targets
 * of all are checked before the first one is changed. Each set runs its own globals: a role that
 * was made during the backup is in those of the later sets only.
 * @throws StowageError `set/incomplete`; `restore/refused` when one of the checks refuses.
 */
export async function restoreGroup(
  context: ClusterContext,
  id: string,
  options: Omit<RestoreOptions, 'set'>,
): Promise<GroupRestore> {
  const group = await withStore(context, (store) => findGroup(context, store, id));
  const chosen = chosenOf(group, options, sameIdentity(context));
  await requireAll(context, chosen, options);
  const restores: DatabaseRestore[] = [];
  for (const [at, one] of chosen.entries()) {
    const hasFailed = restores.some(({ result }) => result === undefined || exitOf(result) !== 0);
    if (hasFailed || context.signal.aborted) {
      restores.push(one);
      continue;
    }
    const { database, timestamp } = one;
    const of = `${at + 1} of ${chosen.length}`;
    context.output.note('database', { database, at }, printable(`database ${database} (${of})`));
    const own = { ...options, ...setOf(timestamp) };
    restores.push(await restoreOne(inDatabase(context, database), one, own));
  }
  const missing = group.members.filter(
    ({ database }) => !chosen.some((one) => one.database === database),
  );
  return { id, restores, missing: missing.map(({ database }) => database) };
}

/** What a dry run of each database finds. @throws as `restoreGroup`. */
export async function lookAtGroup(
  context: ClusterContext,
  id: string,
  options: Omit<RestoreOptions, 'set'>,
): Promise<DryRun[]> {
  const group = await withStore(context, (store) => findGroup(context, store, id));
  const found: DryRun[] = [];
  for (const { database, timestamp } of chosenOf(group, options, sameIdentity(context)))
    found.push(await runDryRun(inDatabase(context, database), { ...options, ...setOf(timestamp) }));
  return found;
}

const setOf = (timestamp: string) => ({ set: { kind: 'timestamp', timestamp } as const });

function chosenOf(
  { id, status, members }: FoundGroup,
  { choices }: Pick<RestoreOptions, 'choices'>,
  identity: string,
): Chosen[] {
  const complete = members.flatMap(({ database, status: its, timestamp }) =>
    its === 'complete' && timestamp !== undefined ? [{ database, timestamp }] : [],
  );
  if (status === 'complete' || (choices?.allowMissing === true && complete.length > 0))
    return complete;
  const [first] = complete;
  const one =
    first &&
    `; \`stowage restore ${first.timestamp}${identity}\` restores database ${first.database} alone`;
  const all = complete.length > 0 ? '. --allow-missing restores the complete ones' : '';
  throw new StowageError(
    'set/incomplete',
    printable(`${id} is ${status}: ${describeMembers(members)}${all}${one ?? ''}`),
  );
}

/** All reasons of all databases, before anything is changed. */
async function requireAll(
  context: ClusterContext,
  chosen: readonly Chosen[],
  options: Omit<RestoreOptions, 'set'>,
): Promise<void> {
  const refused: { readonly database: string; readonly reasons: readonly Problem[] }[] = [];
  for (const { database, timestamp } of chosen) {
    const given = { ...options, ...setOf(timestamp) };
    const { reasons } = await runDryRun(inDatabase(context, database), given).catch(
      (cause: unknown) => {
        context.signal.throwIfAborted();
        const { message, exitCode } = asStowageError(cause);
        // What is refused is one reason of several; a server or store that fails ends the restore.
        if (exitCode !== REFUSED && exitCode !== INCOMPLETE) throw cause;
        return { reasons: [{ code: 'target-refused' as const, message }] };
      },
    );
    if (reasons.length > 0) refused.push({ database, reasons });
  }
  const [first] = refused;
  if (first === undefined) return;
  const lines = refused.flatMap(({ database, reasons }) => [
    printable(`database ${database} cannot be restored:`),
    ...reasonLines(reasons),
  ]);
  context.output.note('target-refused', { databases: refused }, lines.join('\n'));
  throw new StowageError(
    'restore/refused',
    printable(
      `${plural(refused.length, 'database')} of ${chosen.length} cannot be restored, and none was changed: database ${first.database}: ${first.reasons[0]?.message ?? ''}`,
    ),
  );
}

const REFUSED = 4;
const INCOMPLETE = 3;

async function restoreOne(
  context: ClusterContext,
  one: Chosen,
  options: RestoreOptions,
): Promise<DatabaseRestore> {
  try {
    return { ...one, result: await runRestore(context, options) };
  } catch (cause) {
    return { ...one, error: asStowageError(cause) };
  }
}
