import type { BackupResult } from '../backup/coordinate.ts';
import { backupText, summaryOf } from '../commands/backup.ts';
import type { ClusterContext } from '../context.ts';
import { sourceLines } from './source-lines.ts';

/** Prints the sets of a dump, and gives the exit code. */
export function printSets(context: ClusterContext, results: readonly BackupResult[]): number {
  const values = results.map((result) => ({
    ...summaryOf(result),
    database: result.plan.database,
    source: result.plan.source,
  }));
  const texts = results.map((result) => {
    const of = results.length > 1 ? [`database ${result.plan.database}:`] : [];
    return [
      ...of,
      ...sourceLines(result.plan.source),
      backupText(result, context.output.screen),
    ].join('\n');
  });
  const [first] = values;
  const group = results[0]?.plan.group;
  const value = group === undefined ? first : { group: group.id, sets: values };
  context.output.result(value, texts.join('\n\n'));
  if (context.signal.aborted) return 130;
  return results.length > 0 && results.every(({ status }) => status === 'complete') ? 0 : 3;
}
