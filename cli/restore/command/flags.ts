import {
  ACCEPT_CLUSTER_FLAG,
  ACCEPT_PLAIN_FLAG,
  IDENTITY_FLAG,
  RATE_FLAG,
  SELECTION_FLAGS,
  SELECTION_LISTS,
} from '../../flags.ts';
import { BEFORE_FLAG, GROUP_DETAILS, SET_DETAILS } from '../../set-name.ts';
import { MAP_FLAG, REFERENCE_FLAG } from '../mapped/flags.ts';
import { CHOICE_HELP, CHOICE_LISTS } from './choices.ts';
import { CONTENT_FLAG } from './contents.ts';

/** How long a restore waits for each step of the functions, without --wait. */
export const WAIT_SECONDS = 600;

/** The flags of `stowage restore`, as its help shows them. */
export const RESTORE_FLAGS = [
  // Which set, and where to.
  BEFORE_FLAG,
  ['--redirect-db <name>', 'restore into a database with this name'],
  ['--database <name>', 'alias of --redirect-db'],
  ['--create', 'create the databases; refused if one exists'],
  ['--truncate', 'empty the tables and load them; the tables must exist, and no DDL is run'],
  [
    '--dry-run',
    'change nothing: say where the restore would go, what the target lacks, and whether it can begin (exit code 0, or 4)',
  ],
  IDENTITY_FLAG,
  // After a failure.
  ['--resume <id>', 'finish this restore; its set, database, selection and mode are used'],
  [
    '--request <id>',
    'show what the console asked for; takes no <set> and no choice of what or how',
  ],
  ['--yes', 'with --request: carry it out'],
  ['--drop-unfinished', 'with --create: drop databases that an unfinished restore has created'],
  // What of the set.
  ...SELECTION_FLAGS,
  CONTENT_FLAG,
  MAP_FLAG,
  REFERENCE_FLAG,
  ['--into-schema <name>', 'restore the one chosen schema under this name, beside the old one'],
  ['--table <name>', 'with --as: the one table to restore, schema.table'],
  ['--as <name>', 'restore the table of --table under this name, schema.table'],
  ...CHOICE_HELP,
  ['--no-owner', 'the role that restores owns all objects'],
  [
    '--globals [mode]',
    'restore roles and tablespaces first; those that exist are left as they are, with alter they are altered',
  ],
  [
    '--large-objects',
    'restore large objects also with a selection or --truncate, which replaces those with the same oids',
  ],
  // What is checked.
  ['--verify', 'with --create: read and compare the set before the target is changed'],
  ['--no-verify', 'without --create: do not read and compare the set before the target is changed'],
  ['--no-count', 'do not count the rows of every table at the end'],
  [
    '--no-objects',
    'do not look for the indexes, constraints and other objects of the set at the end',
  ],
  ACCEPT_CLUSTER_FLAG,
  ACCEPT_PLAIN_FLAG,
  // How it runs.
  [
    '--resize',
    'load through the coordinator (automatic when the segment counts differ; Greenplum)',
  ],
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
] as const satisfies readonly (readonly [string, string])[];

/** The flags that may be repeated. */
export const RESTORE_LISTS = [
  ...SELECTION_LISTS,
  ...CHOICE_LISTS,
  CONTENT_FLAG[0],
  MAP_FLAG[0],
  REFERENCE_FLAG[0],
  IDENTITY_FLAG[0],
];

export const RESTORE_DETAILS = [
  `${SET_DETAILS} ${GROUP_DETAILS}`,
  'The target is the cluster in the configuration, and the database of the set. Use --config for another cluster, --redirect-db for another database, and --root to restore from an alternate location. PGDATABASE and database: in the configuration do not decide where a restore goes.',
  'Without --create or --truncate the databases must exist, and must hold none of the tables.',
  'A restore that failed leaves its databases marked as unfinished: only --resume, which takes no <set>, or --create --drop-unfinished restores into them.',
  'Each frame is checked before its rows are loaded. Without --create, every object that is needed is also read and checked before the target is changed (--no-verify skips this; --verify does it with --create too).',
  'docs/runbooks.md has one command for each situation.',
].join('\n');
