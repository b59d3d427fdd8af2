import type { ClusterCommand } from '../command.ts';
import { ACCEPT_PLAIN_FLAG, IDENTITY_FLAG, numberFlag } from '../flags.ts';
import { WAIT_SECONDS } from '../restore/command/flags.ts';
import { SET_DETAILS } from '../set-name.ts';
import { drillOptions, SAMPLE_TABLES } from './options.ts';
import { runDrill } from './run.ts';
import { drillText } from './text.ts';

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
    ACCEPT_PLAIN_FLAG,
    ['--workers <n>', 'connections per segment; overrides shippers.workers'],
    [
      '--wait <seconds>',
      `how long to wait for each step of the functions (default ${WAIT_SECONDS})`,
    ],
    IDENTITY_FLAG,
  ],
  lists: ['--tables <table>', IDENTITY_FLAG[0]],
  cluster: (flags) => ({ 'shippers.workers': numberFlag(flags, 'workers') }),
  async run({ flags, positional, context }) {
    const verdict = await runDrill(context, drillOptions(flags, positional));
    context.output.result(verdict, drillText(verdict));
    return verdict.status === 'complete' ? 0 : 3;
  },
};
