import { StowageError } from '../../backup-set/base/errors.ts';
import { describeProblem } from '../../backup-set/base/verdict.ts';
import type { ManifestPart, ManifestRelation } from '../../backup-set/documents/manifest.ts';
import { extentsByRelation } from '../../backup-set/restore/order-bodies.ts';
import { readPart } from '../../functions/stored/read-part.ts';
import type { RelationPart } from '../../segment-shipper/read/relation/part-rows.ts';
import type { OpenSet } from './open-set.ts';

/** A part, and the relation of the manifest that it belongs to. */
export interface SetPart extends RelationPart {
  readonly relation: ManifestRelation;
}

/**
 * The parts of these relations in all contents, in the order of the set: content by content, in
 * each relation by relation. Give `partRows` a part to read its rows. Holds one part of the
 * manifest.
 * @param contents only these; absent = all.
 * @throws StowageError `set/damaged` when a part of the manifest is not the one that it pins.
 */
export async function* relationParts(
  { deps, manifest }: Pick<OpenSet, 'deps' | 'manifest'>,
  relations: readonly ManifestRelation[],
  contents?: readonly number[],
): AsyncGenerator<SetPart> {
  const byId = new Map(relations.map((relation) => [relation.id, relation]));
  for (const { content } of manifest.contents) {
    if (contents !== undefined && !contents.includes(content)) continue;
    const part = await readPart(deps, manifest, content);
    if (!part.ok)
      throw new StowageError('set/damaged', describeProblem(part.failure), {
        where: { set: manifest.timestamp, content },
      });
    yield* partsOf(part.value, byId);
  }
}

/** Also one without rows for each relation of a content that has none. */
function* partsOf(
  part: ManifestPart,
  byId: ReadonlyMap<number, ManifestRelation>,
): Generator<SetPart> {
  const { timestamp, content, encoding } = part;
  const extents = extentsByRelation(part, (id) => byId.has(id));
  for (const { relation: id, rows, bytes, rowFormat } of part.relations) {
    const relation = byId.get(id);
    if (relation === undefined) continue;
    const { schema, name, columns } = relation;
    yield {
      timestamp,
      content,
      encoding,
      schema,
      name,
      columns,
      rows,
      bytes,
      ...(rowFormat && { rowFormat }),
      extents: extents.get(id) ?? [],
      relation,
    };
  }
}
