import { formatKey } from '../../backup-set/base/keys.ts';
import { gatherProblems, NO_PROBLEMS, type ProblemList } from '../../backup-set/base/problems.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import { parse } from '../../backup-set/documents/pinned.ts';
import type { Deps } from '../deps.ts';
import { readDocument } from '../stored/load.ts';
import { checkContent } from './content.ts';
import { folderLists } from './folder-lists.ts';
import { rewrittenObjects } from './rewritten.ts';

/**
 * Checks the files of the older sets that an increment of gpbackup needs: with one of them gone, no
 * program can restore it. Each must be as the manifest of its set says.
 */
export async function checkNeededFiles(deps: Deps, { files }: Manifest): Promise<ProblemList> {
  if (files === undefined || files.needs.length === 0) return NO_PROBLEMS;
  const gathered = gatherProblems();
  for (const timestamp of files.needs) {
    const object = formatKey({ kind: 'manifest', timestamp });
    const raw = await readDocument(deps, object);
    if (raw === undefined) {
      const message = `the increment needs files of set ${timestamp}, which is not complete under this root`;
      gathered.addFirst([{ code: 'object-missing', object, message }]);
      continue;
    }
    const read = parse(Manifest, raw);
    if (!read.ok) {
      gathered.addFirst([read.failure]);
      continue;
    }
    const older = read.value;
    const list = folderLists(deps, older.totals.objects);
    const rewritten = rewrittenObjects(deps, timestamp);
    for (const { content } of older.contents) {
      const { ofPart, ofObjects } = await checkContent(
        deps,
        older,
        content,
        undefined,
        list,
        rewritten,
      );
      gathered.add(content, [...ofPart, ...ofObjects]);
    }
  }
  return gathered.list();
}
