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
import { optionsFrom, WAIT_SECONDS } from '../restore/command/options.ts';
import { exitOf, textOf } from '../restore/command/text.ts';
import { runRestore } from '../restore/coordinate.ts';
import { BEFORE_FLAG, SET_DETAILS } from '../set-name.ts';

export const restoreCommand: ClusterCommand = {
  usage: 'restore [set]',
  summary: 'restore a set, or selected tables of it, into the configured cluster',
  details: `${SET_DETAILS}
The target is the cluster in the configuration. Use --config for another cluster, and --root to restore from an alternate location.
Without --create or --truncate the databases must exist, and must hold none of the tables.
A restore that failed leaves its databases marked as unfinished: only --resume, which takes no <set>, or
--create --drop-unfinished restores into them.
Before the target is changed, every object that is needed is read and its checksums are compared (--no-verify skips this).`,
  flags: [
    BEFORE_FLAG,
    ['--create', 'create the databases; refused if one exists'],
    ['--truncate', 'empty the tables and load them; the tables must exist, and no DDL is run'],
    ['--resume <id>', 'finish this restore; its set, database, selection and mode are used'],
    ['--drop-unfinished', 'with --create: drop databases that an unfinished restore has created'],
    ['--redirect-db <name>', 'restore into a database with this name'],
    ['--database <name>', 'alias of --redirect-db'],
    [
      '--resize',
      'load through the coordinator (automatic when the segment counts differ; Greenplum)',
    ],
    ['--globals', 'restore roles and tablespaces first'],
    ['--no-owner', 'the role that restores owns all objects'],
    ['--no-verify', 'do not read and compare the set before the target is changed'],
    ['--no-count', 'do not count the rows of every table at the end'],
    [
      '--no-objects',
      'do not look for the indexes, constraints and other objects of the set at the end',
    ],
    [
      '--allow-missing',
      'exit 0 also when objects could not be restored; they are listed all the same',
    ],
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
  lists: SELECTION_LISTS,
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
    const result = await runRestore(context, optionsFrom(flags, positional));
    const { outcome, elapsedMs, aftermath, leftEmpty, usesOriginal = [] } = result;
    // null: it could not be found out.
    const changed = aftermath && { targetChanged: aftermath.targetChanged ?? null };
    const empty = leftEmpty.length > 0 && { leftEmpty };
    const original = usesOriginal.length > 0 && { usesOriginal };
    context.output.result({ elapsedMs, ...outcome, ...changed, ...empty, ...original }, textOf(result));
    if (context.signal.aborted) return 130;
    return exitOf(result);
  },
};
