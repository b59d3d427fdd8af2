import type { QualifiedName } from '../../../backup-set/base/selection.ts';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import type { LoadRelation, OrderOf } from '../../../backup-set/documents/restore/restore.ts';
import type { ShipperDeps } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { labelOf } from '../locks.ts';
import { type Failed, loadAgain, type Retry } from './again.ts';
import { type RestoreConnection, restoreConnection } from './connection.ts';
import { byRoot, loadThroughRoot, type Misplaced, type RootLoadOptions } from './through-root.ts';

type Load = (relation: LoadRelation, connection: RestoreConnection) => Promise<readonly Failed[]>;

/** How `loadData` loads. */
interface Loads extends Pick<RootLoadOptions, 'mode' | 'progressOf'> {
  readonly alone: Load;
  attempt(
    relations: readonly LoadRelation[],
    connection: RestoreConnection,
    load: () => Promise<void>,
  ): Promise<readonly Failed[]>;
  /** What was loaded until now. */
  loaded(): readonly QualifiedName[];
  hasStalled(): boolean;
}

/**
 * Loads once more what the target has rejected, over one connection, when all else is loaded: a
 * CHECK may read a table that was not loaded before, and a row may belong to another partition.
 * @returns the problems of all that is not loaded at the end.
 */
export async function loadRejected(
  failed: readonly Failed[],
  order: OrderOf<'data'>,
  job: RestoreJob,
  deps: ShipperDeps,
  loads: Loads,
): Promise<readonly Problem[]> {
  const rejected = failed.filter(({ isRejected }) => isRejected);
  if (rejected.length === 0 || loads.hasStalled()) return failed.map(({ problem }) => problem);
  const connection = restoreConnection(job, `${labelOf(order)} worker 1`, deps);
  try {
    const groups = await groupsOf(rejected, connection);
    const ofGroup = new Set(groups.flatMap(({ relations }) => relations));
    const single = rejected.filter(({ relation }) => !ofGroup.has(relation));
    // No other relation was loaded: the rows would be rejected again.
    const isHopeless = loads.loaded().length === 0 && groups.length === 0;
    const retries = [
      ...single.map(({ relation }) => retry(relation, () => loads.alone(relation, connection))),
      ...groups.map((group) => retry(group.root, () => groupAgain(group))),
    ];
    return [
      ...failed.filter(({ isRejected }) => isHopeless || !isRejected).map((one) => one.problem),
      ...(isHopeless ? [] : await loadAgain(retries)),
    ];
  } finally {
    await (deps.signal.aborted ? connection.drop() : connection.close());
  }

  function retry({ name }: QualifiedName, load: Retry['load']): Retry {
    return {
      name,
      load: () => {
        deps.signal.throwIfAborted();
        return load();
      },
    };
  }

  function groupAgain(group: Misplaced): Promise<readonly Failed[]> {
    const names = new Set(loads.loaded().map(nameOf));
    const isLoaded = (name: QualifiedName) => names.has(nameOf(name));
    const { mode, progressOf } = loads;
    const options = { mode, progressOf, isLoaded, encoding: order.encoding };
    return loads.attempt(group.relations, connection, async () =>
      loadThroughRoot(await connection.open(), group, options, deps),
    );
  }
}

async function groupsOf(
  rejected: readonly Failed[],
  connection: RestoreConnection,
): Promise<readonly Misplaced[]> {
  const misplaced = rejected.filter((one) => one.isMisplaced).map(({ relation }) => relation);
  return misplaced.length === 0 ? [] : byRoot(await connection.open(), misplaced);
}

const nameOf = ({ schema, name }: QualifiedName) => JSON.stringify([schema, name]);
