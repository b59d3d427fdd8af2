import { StowageError } from '../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../backup-set/base/selection.ts';
import { describeProblem } from '../../backup-set/base/verdict.ts';
import type { Manifest, ManifestRelation } from '../../backup-set/documents/manifest.ts';
import type { RestoreRequest } from '../../backup-set/documents/restore/restore.ts';
import { formatOf } from '../../backup-set/flavours/formats.ts';
import { sourcesOf } from '../../backup-set/restore/mapped/map.ts';
import { broughtBy } from '../../backup-set/restore/mapped/volumes.ts';
import { namesOrReason, targetName } from '../../backup-set/restore/names/into.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import { chosenRelations } from '../../backup-set/restore/plan.ts';
import type { Segment } from '../../database/flavour.ts';
import type { Deps } from '../../functions/deps.ts';
import { readPart } from '../../functions/stored/read-part.ts';

/** A relation that a restore loads, with what the manifest says of one content's rows. */
export interface ExpectedRelation {
  readonly relation: ManifestRelation;
  /** Its name in the target. */
  readonly target: QualifiedName;
  readonly rows: number;
  readonly bytes: number;
}

/** The instances that a restore changes. On Greenplum one catalog holds for all segments. */
export function changedSegments(flavour: string, segments: readonly Segment[]): readonly Segment[] {
  return formatOf(flavour).hasOneCatalog
    ? segments.filter(({ content }) => content === COORDINATOR)
    : segments;
}

/**
 * The names of relations in the target.
 * @throws StowageError `restore/refused` when what is chosen cannot have the requested names.
 */
export function targetNames(request: RestoreRequest, manifest: Manifest) {
  const into = namesOrReason(request, chosenRelations(request, manifest).values());
  if (typeof into === 'string')
    throw new StowageError('restore/refused', into, { where: { set: request.timestamp } });
  return (relation: QualifiedName) => targetName(into, relation);
}

/**
 * The requested relations that one of these instances gets.
 * @throws StowageError `set/damaged` when the part of the manifest is not the one that it pins.
 */
export async function expectedIn(
  deps: Deps,
  content: number,
  request: RestoreRequest,
  manifest: Manifest,
): Promise<ExpectedRelation[]> {
  const chosen = chosenRelations(request, manifest);
  const target = targetNames(request, manifest);
  if (formatOf(manifest.flavour).hasOneCatalog)
    return [...chosen.values()].map((relation) => ({
      relation,
      target: target(relation),
      ...relation.totals,
    }));
  const brings = broughtBy(request, chosen);
  const expected = new Map<number, ExpectedRelation>();
  for (const source of sourcesOf(request, content)) {
    if (!manifest.contents.some((candidate) => candidate.content === source)) continue;
    const part = await readPart(deps, manifest, source);
    if (!part.ok)
      throw new StowageError('set/damaged', describeProblem(part.failure), {
        where: { set: manifest.timestamp, content: source },
      });
    for (const { relation: id, rows, bytes } of part.value.relations) {
      const relation = brings(source).get(id);
      if (relation === undefined) continue;
      const before = expected.get(id) ?? { rows: 0, bytes: 0 };
      const sums = { rows: before.rows + rows, bytes: before.bytes + bytes };
      expected.set(id, { relation, target: target(relation), ...sums });
    }
  }
  return [...expected.values()];
}
