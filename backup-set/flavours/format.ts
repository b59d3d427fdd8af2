import type { Plan, Relation } from '../documents/plan.ts';
import type { RestorePlan, RestoreRequest } from '../documents/restore/restore.ts';

/** A problem of a plan; `relation` is set when it concerns one relation. */
export interface PlanProblem {
  readonly message: string;
  readonly relation?: Relation;
}

/** A problem of a restore target; `content` is set when it concerns one content. */
export interface TargetProblem {
  readonly message: string;
  readonly content?: number;
}

/** The rules of the backup set's format that differ between the kinds of cluster. All pure. */
export interface FlavourFormat {
  /** The value of `flavour` in plans, manifests and restore requests. */
  readonly name: string;
  /** True when the coordinator answers for all segments: one catalog, one database to create. */
  readonly hasOneCatalog: boolean;
  /** True when a set can be restored into a cluster with another number of segments. */
  readonly canResize: boolean;
  /** Why single contents of a set cannot be restored, and what to do; absent = they can. */
  readonly noSingleContents?: string;
  /** What this flavour requires of a plan beyond the checks that hold for every plan. */
  planProblems(plan: Plan): PlanProblem[];
  /** How the rows of a set with `setContents` contents are loaded into the requested target. */
  loadStrategy(
    request: Pick<RestoreRequest, 'target' | 'resize'>,
    setContents: number,
  ): RestorePlan['load'];
  /** Why the contents of a target, as the request lists them, do not fit those of the set. */
  targetProblems(target: readonly number[], set: readonly number[]): TargetProblem[];
}
