import { encode, sha256 } from '../../backup-set/base/document.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import type { RestoreRun } from '../restore/run.ts';

type Planned = Pick<RestoreRun, 'manifest'> & {
  readonly context: Pick<RestoreRun['context'], 'keys'>;
  readonly plan: Pick<RestoreRun['plan'], 'manifestSha256'>;
};

/**
 * Says that the plan of a restore was made from another manifest than the one that this command has
 * proven: it was replaced in between. Undefined: it is the same, or the set is not encrypted.
 */
export function planProblem({ context: { keys }, manifest, plan }: Planned): Problem | undefined {
  if (keys === undefined || plan.manifestSha256 === sha256(encode(Manifest, manifest)))
    return undefined;
  const { timestamp } = manifest;
  return {
    code: 'not-proven',
    object: formatKey({ kind: 'manifest', timestamp }),
    message:
      'the restore was planned from another manifest than the one that the key of the set proves: it was replaced in between',
  };
}
