import type { DrillFacts } from '../../backup-set/base/verdict/drill-facts.ts';
import type { Verdict } from '../../backup-set/base/verdict.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import { bytes, duration, printable } from '../output/format.ts';
import { problemLines } from '../output/problems.ts';

/** What a verdict of a drill says, for people. */
export function drillText({ timestamp, status, drill, problems, problemsTotal }: Verdict): string {
  const isGood = status === 'complete';
  const failed = `drill of set ${timestamp} FAILED: ${plural(problemsTotal, 'problem')}`;
  if (drill === undefined || drill.restored.relations === 0)
    return [...problemLines(problems, problemsTotal), isGood ? '' : failed].join('\n');
  const { restored, set, compared, scope } = drill;
  const share = scope === 'all' ? '' : ` of ${count(set.relations)}`;
  const where = drill.target === 'throwaway' ? 'throwaway servers' : 'the scratch servers';
  const lines = [
    ...problemLines(problems, problemsTotal),
    `restored ${plural(restored.relations, 'table')}${share} (${plural(restored.rows, 'row')}, ${bytes(restored.bytes)}) into ${where} in ${duration(drill.restoreMs)}, and counted them`,
    compared.relations === 0
      ? 'rows were not compared one by one (--no-compare, another version of PostgreSQL, or only rows in COPY BINARY)'
      : `compared ${plural(compared.rows, 'row')} of ${tablesCompared(drill)} with the set in ${duration(drill.compareMs)}`,
    ...(drill.leftOut === 0
      ? []
      : [
          `${plural(drill.leftOut, 'key, trigger or view', 'keys, triggers or views')} of tables outside of the sample left out`,
        ]),
    ...(drill.wholeMs === undefined
      ? []
      : [
          scope === 'all'
            ? `a restore of this set takes ${duration(drill.wholeMs)}, as measured`
            : `a restore of the whole set (${bytes(set.bytes)}) would take about ${duration(drill.wholeMs)}, an estimate by bytes`,
        ]),
    isGood ? `drill of set ${timestamp} passed` : failed,
  ];
  return lines.map(printable).join('\n');
}

/** Rows in COPY BINARY and tables of extensions are only counted: the reader sees how many. */
function tablesCompared({ restored, compared }: DrillFacts): string {
  if (compared.relations >= restored.relations) return plural(compared.relations, 'table');
  const tables = `${count(compared.relations)} of ${plural(restored.relations, 'table')}`;
  return `${tables} (${count(restored.relations - compared.relations)} only counted)`;
}
