import { createReadStream } from 'node:fs';
import type { ProblemList } from '../../../backup-set/base/problems.ts';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import { archiveObject, expectedOf, labelOf } from '../../../database/objects/expected.ts';
import { madeKey } from '../../../database/objects/keys.ts';
import { readToc, type TocEntry } from '../../../database/objects/toc.ts';
import type { StaleView } from '../../../database/target/refresh.ts';
import type { Rejections } from '../../../database/tools/rejections/rejected-entries.ts';
import { conflictOf, type Merging } from '../key-conflict.ts';
import { problemOf } from '../order-result.ts';

/**
 * The entries that pg_restore could not make, with the names that the archive gives them. A key of
 * rows of several contents is a conflict.
 */
export async function rejectedObjects(
  file: string,
  { rejected, rejectedTotal }: Rejections,
  order?: Merging,
): Promise<ProblemList> {
  if (rejectedTotal === 0) return { problems: [], problemsTotal: 0 };
  const messages = new Map(rejected.map(({ id, message }) => [id, message]));
  const problems: Problem[] = [];
  for await (const entry of readToc(createReadStream(file), 'schema.dump')) {
    const message = messages.get(entry.id);
    if (message !== undefined) problems.push(rejectedObject(entry, message, order));
  }
  return { problems, problemsTotal: Math.max(rejectedTotal, problems.length) };
}

function rejectedObject(entry: TocEntry, message: string, order?: Merging): Problem {
  const object = archiveObject(entry);
  // As the comparison of schema objects would report it, so that it is listed once.
  const [expected] = expectedOf(object) ?? [];
  const { kind, schema, name = '' } = object;
  const schemaObject = expected?.entry ?? { kind, schema, name };
  const label = labelOf({ aspect: expected?.aspect ?? 'exists', entry: schemaObject });
  const key = order?.sources === undefined ? undefined : madeKey(entry);
  if (order !== undefined && key !== undefined)
    return { ...conflictOf(`${label}: ${message}`, order, key.table), schemaObject };
  return { code: 'object-not-made', schemaObject, message: `${label}: ${message}` };
}

/** The materialized views that the server could not refresh. */
export function staleViews(stale: readonly StaleView[], content: number): ProblemList {
  const problems = stale.map(
    ({ view, error }): Problem => ({
      ...problemOf(error, content, view),
      code: 'view-not-refreshed',
    }),
  );
  return { problems, problemsTotal: problems.length };
}
