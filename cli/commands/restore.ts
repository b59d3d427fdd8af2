import { StowageError } from '../../backup-set/base/errors.ts';
import { formatOf } from '../../backup-set/flavours/formats.ts';
import type { ClusterCommand } from '../command.ts';
import {
  ACCEPT_CLUSTER_FLAG,
  numberFlag,
  RATE_FLAG,
  rateFlag,
  SELECTION_FLAGS,
  SELECTION_LISTS,
} from '../flags.ts';
import { CHOICE_HELP, CHOICE_LISTS } from '../restore/command/choices.ts';
import { CONTENT_FLAG } from '../restore/command/contents.ts';
import { optionsFrom, WAIT_SECONDS } from '../restore/command/options.ts';
import { exitOf, textOf } from '../restore/command/text.ts';
import { runDryRun, runRestore } from '../restore/coordinate.ts';
import { reportText } from '../restore/dry-run/report.ts';
import { reportValue } from '../restore/dry-run/report-value.ts';
import { BEFORE_FLAG, SET_DETAILS } from '../set-name.ts';

export const restoreCommand: ClusterCommand = {
  usage: 'restore [set]',
  summary: 'restore a set, or selected tables of it, into the configured cluster',
  details: `${SET_DETAILS}
The target is the cluster in the configuration, and the database of the set. Use --config for another cluster, --redirect-db
for another database, and --root to restore from an alternate location. PGDATABASE and database: in the configuration do not
decide where a restore goes.
Without --create or --truncate the databases must exist, and must hold none of the tables.
A restore that failed leaves its databases marked as unfinished: only --resume, which takes no <set>, or
--create --drop-unfinished restores into them.
Each frame is checked before its rows are loaded. Without --create, every object that is needed is also read and checked
before the target is changed (--no-verify skips this; --verify does it with --create too).`,
  flags: [
    BEFORE_FLAG,
    ['--create', 'create the databases; refused if one exists'],
    ['--truncate', 'empty the tables and load them; the tables must exist, and no DDL is run'],
    [
      '--dry-run',
      'change nothing: say where the restore would go, what the target lacks, and whether it can begin (exit code 0, or 4)',
    ],
    ['--resume <id>', 'finish this restore; its set, database, selection and mode are used'],
    ['--drop-unfinished', 'with --create: drop databases that an unfinished restore has created'],
    CONTENT_FLAG,
    ['--redirect-db <name>', 'restore into a database with this name'],
    ['--database <name>', 'alias of --redirect-db'],
    [
      '--resize',
      'load through the coordinator (automatic when the segment counts differ; Greenplum)',
    ],
    [
      '--globals [mode]',
      'restore roles and tablespaces first; those that exist are left as they are, with alter they are altered',
    ],
    [
      '--large-objects',
      'restore large objects also with a selection or --truncate, which replaces those with the same oids',
    ],
    ['--no-owner', 'the role that restores owns all objects'],
    ['--verify', 'with --create: read and compare the set before the target is changed'],
    [
      '--no-verify',
      'without --create: do not read and compare the set before the target is changed',
    ],
    ['--no-count', 'do not count the rows of every table at the end'],
    [
      '--no-objects',
      'do not look for the indexes, constraints and other objects of the set at the end',
    ],
    ...CHOICE_HELP,
    ACCEPT_CLUSTER_FLAG,
    ...SELECTION_FLAGS,
    ['--into-schema <name>', 'restore the one chosen schema under this name, beside the old one'],
    ['--table <name>', 'with --as: the one table to restore, schema.table'],
    ['--as <name>', 'restore the table of --table under this name, schema.table'],
    ['--workers <n>', 'connections per segment; overrides shippers.workers'],
    RATE_FLAG,
    [
      '--functions <mode>',
      'inline: this command runs the functions that coordinate the restore; events: deployed functions run',
    ],
    [
      '--wait <seconds>',
      `with events: how long to wait for each step of the functions (default ${WAIT_SECONDS})`,
    ],
  ],
  lists: [...SELECTION_LISTS, ...CHOICE_LISTS, CONTENT_FLAG[0]],
  cluster: (flags) => ({
    database: flags['redirectDb'] ?? flags['database'],
    'shippers.workers': numberFlag(flags, 'workers'),
    'shippers.maxRateBytes': rateFlag(flags),
    functions: flags['functions'],
  }),
  async run({ flags, positional, context }) {
    if (flags['resize'] === true && !formatOf(context.config.flavour).canResize)
      throw new StowageError(
        'usage/flag',
        '--resize needs flavour greenplum: shards are restored one to one, by content',
        {
          where: { field: 'resize' },
        },
      );
    const options = optionsFrom(flags, positional);
    if (flags['dryRun'] === true) {
      const found = await runDryRun(context, options);
      context.output.result(reportValue(found), reportText(found));
      return found.reasons.length === 0 ? 0 : 4;
    }
    const result = await runRestore(context, options);
    const { outcome, elapsedMs, aftermath, chosen, choices, leftEmpty, leavesLargeObjects } =
      result;
    const { usesOriginal = [] } = result;
    // null: it could not be found out.
    const changed = aftermath && { targetChanged: aftermath.targetChanged ?? null };
    const empty = leftEmpty.length > 0 && { leftEmpty };
    const large = leavesLargeObjects === true && { leavesLargeObjects };
    const only = chosen && { contents: chosen.restored, otherContents: chosen.others };
    const original = usesOriginal.length > 0 && { usesOriginal };
    const what = { ...outcome, ...choices, ...only, ...changed };
    const all = { elapsedMs, ...what, ...empty, ...large, ...original };
    context.output.result(all, textOf(result));
    if (context.signal.aborted) return 130;
    return exitOf(result);
  },
};
