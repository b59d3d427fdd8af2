import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { RestoreRequest } from '../../backup-set/documents/restore.ts';
import { formatOf } from '../../backup-set/flavours/formats.ts';
import type { ClusterCommand, Flags } from '../command.ts';
import { dashed } from '../config/flag-names.ts';
import {
  ACCEPT_CLUSTER_FLAG,
  numberFlag,
  numberFrom,
  RATE_FLAG,
  rateFlag,
  SELECTION_FLAGS,
  SELECTION_LISTS,
  selectionFrom,
} from '../flags.ts';
import { duration } from '../output/format.ts';
import { problemLines } from '../output/problems.ts';
import { type RestoreResult, runRestore } from '../restore/coordinate.ts';
import { lacksObjectsOnly } from '../restore/lacks-objects.ts';
import type { RestoreOptions } from '../restore/request.ts';
import type { ResumeOptions } from '../restore/resume.ts';
import { BEFORE_FLAG, SET_DETAILS, setNameFrom } from '../set-name.ts';

const WAIT_SECONDS = 600;

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
    ACCEPT_CLUSTER_FLAG,
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
    const result = await runRestore(context, optionsFrom(flags, positional));
    const { outcome, elapsedMs, aftermath, leftEmpty } = result;
    // null: it could not be found out.
    const changed = aftermath && { targetChanged: aftermath.targetChanged ?? null };
    const empty = leftEmpty.length > 0 && { leftEmpty };
    context.output.result({ elapsedMs, ...outcome, ...changed, ...empty }, textOf(result));
    if (context.signal.aborted) return 130;
    return { restored: 0, failed: 3, refused: 4 }[outcome.status];
  },
};

/** The flags that a resume takes from the first restore. */
const NOT_WITH_RESUME = [
  'before',
  'create',
  'truncate',
  'dropUnfinished',
  'redirectDb',
  'database',
  'resize',
  'globals',
  'includeSchema',
  'excludeSchema',
  'includeTable',
  'excludeTable',
];

/** What the flags ask for. @throws StowageError `usage/flag` naming a flag that does not fit. */
export function optionsFrom(
  flags: Flags,
  positional: readonly string[],
): RestoreOptions | ResumeOptions {
  const common = {
    verify: flags['verify'] !== false,
    count: flags['count'] !== false,
    objects: flags['objects'] !== false,
    acceptCluster: flags['acceptCluster'] === true,
    waitMs: numberFrom(flags, 'wait', WAIT_SECONDS) * 1000,
  };
  const { resume } = flags;
  if (typeof resume === 'string') {
    const other = flags['owner'] === false ? 'noOwner' : undefined;
    const given = NOT_WITH_RESUME.find((name) => flags[name] !== undefined) ?? other;
    const what =
      positional[0] === undefined ? given && `--${dashed(given)}` : `set ${positional[0]}`;
    if (what !== undefined)
      throw new StowageError(
        'usage/flag',
        `--resume takes everything from the request of restore ${resume}: leave out ${what}`,
        { where: { field: 'resume' } },
      );
    return { resume, ...common };
  }
  if (positional.length === 0)
    throw new StowageError('usage/flag', "missing required argument 'set'", {
      where: { field: 'set' },
    });
  const mode = modeOf(flags);
  if (flags['dropUnfinished'] === true && mode !== 'create')
    throw new StowageError('usage/flag', '--drop-unfinished needs --create', {
      where: { field: 'dropUnfinished' },
    });
  return {
    set: setNameFrom(positional, flags),
    mode,
    selection: selectionFrom(flags),
    globals: flags['globals'] === true,
    noOwner: flags['owner'] === false,
    resize: flags['resize'] === true,
    dropUnfinished: flags['dropUnfinished'] === true,
    ...common,
  };
}

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
    ...(isNotCompared ? ['its schema objects were not compared (--no-objects)'] : []),
    status === 'restored'
      ? `restored ${plural(totals.rows, 'row')} in ${plural(totals.relations, 'table')} on ${plural(totals.contents, 'segment')} in ${duration(elapsedMs)}${counted ? ', and counted them' : '; their rows were not counted (--no-count)'} (restore id: ${id})`
      : status === 'refused'
        ? `refused: the target was not changed (restore id: ${id})`
        : `failed: ${lacksObjectsOnly(outcome) ? LACKS_OBJECTS : (aftermath?.text ?? MAY_HOLD)} (restore id: ${id})`,
  ].join('\n');
}

const MAY_HOLD = 'the target may hold part of the set';
const LACKS_OBJECTS =
  'the rows were loaded, and the target lacks the objects named above. Create them (docs/operations.md); after --create, `stowage restore --resume ID` creates them';
