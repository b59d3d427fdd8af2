import * as z from 'zod';
import { Count, header, IsoDate, PROBLEMS_MAX } from '../../base/document.ts';
import { RestoreId } from '../../base/timestamps.ts';
import { Problems } from '../../base/verdict.ts';

/** What a restore has seen, and the user should know. It is no problem. */
export const RestoreNotes = {
  /** Roles of the globals that existed before, and were left as they are. Absent = none. */
  rolesKept: z
    .object({ total: Count, names: z.array(z.string()).max(PROBLEMS_MAX) })
    .exactOptional(),
};

type RolesKept = z.infer<(typeof RestoreNotes)['rolesKept']>;

/** The field `rolesKept` of a document. */
export function rolesKeptField(names: readonly string[], total = names.length): RolesKeptField {
  return total === 0 ? {} : { rolesKept: { total, names: names.slice(0, PROBLEMS_MAX) } };
}
export interface RolesKeptField {
  rolesKept?: RolesKept;
}

/** What a comparison of the set's schema archives with the target's catalogs has found. */
export const ComparedObjects = z.object({
  compared: Count,
  missing: Count,
  /** Entries of kinds that cannot be compared. */
  notCompared: Count,
});
export type ComparedObjects = z.infer<typeof ComparedObjects>;

/**
 * counts.json: what the command line found in the target after the last phase, when it counted the
 * rows of every loaded relation and compared the schema objects. A relation whose count differs
 * from the manifest is a problem, and so is a missing object.
 */
export const RestoreCounts = z.object({
  ...header('restore-counts'),
  id: RestoreId,
  countedAt: IsoDate,
  /** Relations that were counted, once per content that holds rows of them. */
  relations: Count,
  rows: Count,
  objects: ComparedObjects.exactOptional(),
  ...Problems,
});
export type RestoreCounts = z.infer<typeof RestoreCounts>;

/** True if the restore is `restored` only with a counts.json that has no problem. */
export function needsCounts({
  count,
  objects,
}: {
  readonly count: boolean;
  readonly objects?: boolean;
}): boolean {
  return count || objects === true;
}
