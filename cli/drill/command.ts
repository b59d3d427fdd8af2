import type { Verdict } from '../../backup-set/base/verdict.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import type { ClusterCommand } from '../command.ts';
import { numberFlag } from '../flags.ts';
import { bytes, duration, printable } from '../output/format.ts';
import { problemLines } from '../output/problems.ts';
import { WAIT_SECONDS } from '../restore/command/flags.ts';
import { SET_DETAILS } from '../set-name.ts';
import { drillOptions, SAMPLE_TABLES } from './options.ts';
import { runDrill } from './run.ts';

export const drillCommand: ClusterCommand = {
  usage: 'drill [set]',
  summary:
    'restore a set, or some tables of it, into a database that the drill makes and drops; compare; and write the times into a verdict',
  details: [
    SET_DETAILS,
    'Without a set it takes the newest complete one.',
    'Exit code 0: the drill has passed. 3: it has failed, and the verdict has the problems. 4: the target was refused, and nothing was changed.',
    'See docs/operations.md, "Drills".',
  ].join('\n'),
  flags: [
    [
      '--throwaway',
      'make PostgreSQL servers with the programs of this host, in a temporary folder',
    ],
    ['--into <file>', 'restore into the servers of this configuration file; they must be empty'],
    ['--sample <tables>', `restore so many tables, chosen at random (default ${SAMPLE_TABLES})`],
    ['--tables <table>', 'restore this table, schema.table (repeatable)'],
    ['--all', 'restore the whole set'],
    ['--no-compare', 'do not read the rows back; they are counted all the same'],
    ['--bin-dir <folder>', 'with --throwaway: the folder of initdb and postgres'],
    ['--workers <n>', 'connections per segment; overrides shippers.workers'],
    [
      '--wait <seconds>',
      `how long to wait for each step of the functions (default ${WAIT_SECONDS})`,
    ],
  ],
  lists: ['--tables <table>'],
  cluster: (flags) => ({ 'shippers.workers': numberFlag(flags, 'workers') }),
  async run({ flags, positional, context }) {
    const verdict = await runDrill(context, drillOptions(flags, positional));
    context.output.result(verdict, drillText(verdict));
    return verdict.status === 'complete' ? 0 : 3;
  },
};

/** What the command prints at its end. */
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
      : `compared ${plural(compared.rows, 'row')} of ${plural(compared.relations, 'table')} with the set in ${duration(drill.compareMs)}`,
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
