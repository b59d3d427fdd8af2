import { isStowageError, messageOf } from '../../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../../backup-set/base/selection.ts';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import type { DefinedObject } from '../../../backup-set/documents/plan.ts';
import type { RestorePlan } from '../../../backup-set/documents/restore/restore.ts';
import { isWhole } from '../../../backup-set/restore/plan.ts';
import { previewRestore } from '../../../functions/handlers/plan-restore.ts';
import { rowsNotInSet } from '../../output/not-shipped.ts';
import { functionDeps } from '../../wait-for-functions.ts';
import { leftEmpty } from '../left-empty.ts';
import type { MappedRestore } from '../mapped/text.ts';
import { checkTarget, type TargetReport } from '../target-check/check.ts';
import type { TargetCheck } from '../target-check/target-check.ts';
import { requireUnmarked } from '../unfinished.ts';
import { type Estimate, earlierRestores, estimateFrom } from './earlier.ts';

/** What `stowage restore --dry-run` has found. */
export interface DryRun {
  readonly check: TargetCheck;
  /** Absent: the target could not be looked at, because a restore in it is unfinished. */
  readonly target?: TargetReport;
  /** Absent: the functions would refuse the request. */
  readonly plan?: RestorePlan;
  /** How long it takes, or why that is not known. */
  readonly estimate: Estimate | string;
  readonly notInSet: {
    /** Tables whose rows the set does not have. */
    readonly rows: readonly (QualifiedName & { readonly reason: string })[];
    /** Definitions that pg_dump did not write. */
    readonly definitions: readonly DefinedObject[];
    /** Tables that the restore creates without rows. */
    readonly leftEmpty: readonly QualifiedName[];
  };
  /** Objects whose definitions in the set hold a password. */
  readonly secrets: readonly DefinedObject[];
  /** Why the restore cannot begin: all reasons. */
  readonly reasons: readonly Problem[];
}

/**
 * Looks at set and target as a restore does before it begins, and changes nothing: no request, no
 * lock, no mark. @throws as `checkTarget`.
 */
export async function dryRun(given: TargetCheck, drop: boolean): Promise<DryRun> {
  const { context, store, segments, request, manifest } = given;
  const marked = await reasonOf(() =>
    requireUnmarked(context, segments, request, { drop, onlyLook: true }),
  );
  const check = { ...given, dropped: marked.value ?? [] };
  const looked = await reasonOf(() => checkTarget(check));
  const planned = await previewRestore(functionDeps(context, store), request);
  const plan = planned.ok ? planned.value : undefined;
  const earlier = await earlierRestores(store, context.signal);
  return {
    check,
    ...(looked.value !== undefined && { target: looked.value }),
    ...(plan !== undefined && { plan }),
    estimate: plan === undefined ? 'no plan' : estimateFrom(earlier, plan.totals.bytes),
    notInSet: {
      rows: isWhole(request)
        ? rowsNotInSet(manifest).map(({ schema, name, reason }) => ({ schema, name, reason }))
        : [],
      definitions: manifest.leftOut ?? [],
      leftEmpty: leftEmpty(request, manifest),
    },
    secrets: manifest.secrets ?? [],
    reasons: [
      ...marked.reasons,
      ...looked.reasons,
      ...(looked.value?.reasons ?? []),
      ...(planned.ok ? [] : planned.failure),
    ],
  };
}

/** The map of the restore, with the objects that are not the same on its contents. */
export function mappedIn({ check, target }: Pick<DryRun, 'check' | 'target'>) {
  const { mapped } = check;
  const differences = target?.differences ?? [];
  return mapped && ({ ...mapped, differences } satisfies MappedRestore);
}

interface Tried<T> {
  readonly value?: T;
  readonly reasons: readonly Problem[];
}

/** A refusal is one of several reasons; other failures end the dry run. */
async function reasonOf<T>(look: () => Promise<T>): Promise<Tried<T>> {
  try {
    return { value: await look(), reasons: [] };
  } catch (error) {
    if (!isStowageError(error, 'restore/refused')) throw error;
    const { content } = error.where;
    const at = content === undefined ? {} : { content };
    return { reasons: [{ code: 'target-refused', message: messageOf(error), ...at }] };
  }
}
