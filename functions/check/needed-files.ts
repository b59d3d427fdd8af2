import { formatKey } from '../../backup-set/base/keys.ts';
import { boundedProblems, type Problem } from '../../backup-set/base/verdict.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { Deps } from '../deps.ts';

/**
 * The older sets whose files an increment of gpbackup needs must be under the same root: without
 * them no program can restore it. Their files are checked with their own sets.
 */
export async function checkNeededFiles({ store, signal }: Deps, { files }: Manifest) {
  const problems: Problem[] = [];
  for (const timestamp of files?.needs ?? []) {
    const name = `gpbackup_${timestamp}_toc.yaml`;
    const object = formatKey({ kind: 'file', timestamp, content: -1, name });
    if ((await store.head(object, { signal })) !== undefined) continue;
    const message = `the increment needs files of set ${timestamp}, which is not under this root`;
    problems.push({ code: 'object-missing', object, message });
  }
  return boundedProblems(problems);
}
