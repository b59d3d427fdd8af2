import { StowageError } from '../../backup-set/base/errors.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import type { RestoreRequest } from '../../backup-set/documents/restore.ts';
import type { ClusterCommand, Flags } from '../command.ts';
import {
  numberFlag,
  numberFrom,
  RATE_FLAG,
  rateFlag,
  SELECTION_FLAGS,
  SELECTION_LISTS,
  selectionFrom,
  timestampFrom,
} from '../flags.ts';
import { duration } from '../output/format.ts';
import { problemLines } from '../output/problems.ts';
import { type RestoreResult, runRestore } from '../restore/coordinate.ts';

const WAIT_SECONDS = 600;

export const restoreCommand: ClusterCommand = {
  usage: 'restore <timestamp>',
  summary: 'bring a set, or chosen tables of it, back into the configured cluster',
  details: `The target is the cluster in the configuration: give another --config for another cluster, --root for an alternate location.
Nothing is overwritten: without --create or --truncate the databases must exist and hold none of the tables.
Every byte that will be used is read and compared before the first statement changes anything (--no-verify leaves that out).`,
  flags: [
    ['--create', 'create the databases; refused where one exists'],
    ['--truncate', 'empty the tables, which must exist, and load them; no DDL'],
    ['--redirect-db <name>', 'restore into a database of another name (--database says the same)'],
    ['--database <name>', 'the same as --redirect-db'],
    [
      '--resize',
      'load through the coordinator, as is done by itself when the segment counts differ (Greenplum)',
    ],
    ['--globals', 'restore roles and tablespaces first'],
    ['--no-owner', 'objects belong to the restoring role'],
    ['--no-verify', 'do not read the set before changing the target'],
    ...SELECTION_FLAGS,
    ['--workers <n>', 'connections per segment'],
    RATE_FLAG,
    ['--functions <who>', 'inline: this command coordinates; events: deployed functions do'],
    [
      '--wait <seconds>',
      `how long to wait for each step of the functions (default ${WAIT_SECONDS})`,
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
    if (flags['resize'] === true && context.config.flavour !== 'greenplum')
      throw new StowageError(
        'usage/flag',
        '--resize is for Greenplum: shards are restored to the servers they came from',
        {
          where: { field: 'resize' },
        },
      );
    const result = await runRestore(context, {
      timestamp: timestampFrom(positional),
      mode: modeOf(flags),
      selection: selectionFrom(flags),
      verify: flags['verify'] !== false,
      globals: flags['globals'] === true,
      noOwner: flags['owner'] === false,
      resize: flags['resize'] === true,
      waitMs: numberFrom(flags, 'wait', WAIT_SECONDS) * 1000,
    });
    const { outcome, elapsedMs } = result;
    context.output.result({ elapsedMs, ...outcome }, textOf(result));
    if (context.signal.aborted) return 130;
    return { restored: 0, failed: 3, refused: 4 }[outcome.status];
  },
};

function modeOf(flags: Flags): RestoreRequest['mode'] {
  if (flags['create'] === true && flags['truncate'] === true) {
    throw new StowageError(
      'usage/flag',
      '--create and --truncate exclude each other: a new database has nothing to empty',
    );
  }
  return flags['create'] === true ? 'create' : flags['truncate'] === true ? 'truncate' : 'fill';
}

function textOf({ outcome, id, elapsedMs }: RestoreResult): string {
  const { status, totals, problems, problemsTotal } = outcome;
  return [
    ...problemLines(problems, problemsTotal),
    status === 'restored'
      ? `restored ${count(totals.rows)} rows in ${plural(totals.relations, 'table')} on ${plural(totals.contents, 'segment')} in ${duration(elapsedMs)} (restore ${id})`
      : status === 'refused'
        ? `refused: nothing was changed in the target (restore ${id})`
        : `failed: the target holds part of the set (restore ${id})`,
  ].join('\n');
}
