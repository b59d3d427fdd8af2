import { StowageError } from '../../../backup-set/base/errors.ts';
import { describeProblem } from '../../../backup-set/base/verdict.ts';
import type { Manifest, ManifestPart } from '../../../backup-set/documents/manifest.ts';
import { readPart } from '../../../functions/stored/read-part.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { ClusterContext, Context } from '../../context.ts';
import { functionDeps } from '../../wait-for-functions.ts';

/** The part of one content. @throws StowageError `set/damaged`. */
export async function requirePart(
  { context, store, manifest }: PartSource,
  content: number,
): Promise<ManifestPart> {
  const part = await readPart(functionDeps(context, store), manifest, content);
  if (part.ok) return part.value;
  throw new StowageError('set/damaged', describeProblem(part.failure), {
    where: { set: manifest.timestamp, content },
  });
}

export interface PartSource {
  readonly context: Context & Pick<ClusterContext, 'keys'>;
  readonly store: ObjectStore;
  readonly manifest: Manifest;
}
