import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { RestoreRequest } from '../../backup-set/documents/restore.ts';
import { formatOf } from '../../backup-set/flavours/formats.ts';
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
  summary: 'restore a set, or selected tables of it, into the configured cluster',
  details: `<timestamp> is the set's timestamp, YYYYMMDDHHMMSS, as \`stowage list\` prints it.
The target is the cluster in the configuration. Use --config for another cluster, and --root to restore from an alternate location.
Without --create or --truncate the databases must exist, and must hold none of the tables.
Before the target is changed, every object that is needed is read and its checksums are compared (--no-verify skips this).`,
  flags: [
    ['--create', 'create the databases; refused if one exists'],
    ['--truncate', 'empty the tables and load them; the tables must exist, and no DDL is run'],
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
    ...SELECTION_FLAGS,
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
    const result = await runRestore(context, {
      timestamp: timestampFrom(positional),
      mode: modeOf(flags),
      selection: selectionFrom(flags),
      verify: flags['verify'] !== false,
      globals: flags['globals'] === true,
      noOwner: flags['owner'] === false,
      resize: flags['resize'] === true,
      count: flags['count'] !== false,
      objects: flags['objects'] !== false,
      waitMs: numberFrom(flags, 'wait', WAIT_SECONDS) * 1000,
    });
    const { outcome, elapsedMs, aftermath, leftEmpty } = result;
    // null: it could not be found out.
    const changed = aftermath && { targetChanged: aftermath.targetChanged ?? null };
    const empty = leftEmpty.length > 0 && { leftEmpty };
    context.output.result({ elapsedMs, ...outcome, ...changed, ...empty }, textOf(result));
    if (context.signal.aborted) return 130;
    return { restored: 0, failed: 3, refused: 4 }[outcome.status];
  },
};

function modeOf(flags: Flags): RestoreRequest['mode'] {
  if (flags['create'] === true && flags['truncate'] === true) {
    throw new StowageError('usage/flag', 'use --create or --truncate, not both');
  }
  return flags['create'] === true ? 'create' : flags['truncate'] === true ? 'truncate' : 'fill';
}

function textOf({ outcome, aftermath, id, elapsedMs }: RestoreResult): string {
  const { status, totals, problems, problemsTotal, counted, objects } = outcome;
  const isNotCompared = status === 'restored' && objects === undefined;
  return [
    ...problemLines(problems, problemsTotal),
    ...(isNotCompared ? ['its schema objects were not compared (--no-objects, or Greenplum)'] : []),
    status === 'restored'
      ? `restored ${plural(totals.rows, 'row')} in ${plural(totals.relations, 'table')} on ${plural(totals.contents, 'segment')} in ${duration(elapsedMs)}${counted ? ', and counted them' : '; their rows were not counted (--no-count)'} (restore id: ${id})`
      : status === 'refused'
        ? `refused: the target was not changed (restore id: ${id})`
        : `failed: ${lacksObjectsOnly(outcome) ? LACKS_OBJECTS : (aftermath?.text ?? MAY_HOLD)} (restore id: ${id})`,
  ].join('\n');
}

const MAY_HOLD = 'the target may hold part of the set';
const LACKS_OBJECTS =
  'the rows were loaded, and the target lacks the objects named above. Create them (docs/operations.md), or restore into a new database with --create';

function lacksObjectsOnly({ problems, objects }: RestoreResult['outcome']): boolean {
  const isMissing = problems.every(({ code }) => code === 'schema-object-missing');
  return isMissing && objects !== undefined && objects.missing > 0;
}
