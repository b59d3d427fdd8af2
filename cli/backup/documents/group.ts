import type { Group, Plan } from '../../../backup-set/documents/plan.ts';

/** The group of a run over several databases, while it runs. */
export interface GroupRun {
  readonly databases: readonly string[];
  /** The timestamp of the set of each database whose plan is stored. */
  readonly begun: Map<string, string>;
  /** Known when the first plan is stored. */
  id?: string;
}

/** The field of a plan with this timestamp. The first set of a run names its group. */
export function groupOf(run: GroupRun | undefined, timestamp: string): { group?: Group } {
  if (run === undefined) return {};
  return { group: { id: run.id ?? `group-${timestamp}`, databases: [...run.databases] } };
}

/** Records a stored plan. */
export function joinGroup(run: GroupRun | undefined, { database, timestamp, group }: Plan): void {
  if (run === undefined || group === undefined) return;
  run.id ??= group.id;
  run.begun.set(database, timestamp);
}
