import { StowageError } from '../../backup-set/base/errors.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import { isEncrypting } from '../../encryption/settings.ts';
import { carriedLines } from '../backup/base/carried.ts';
import type { WantedBase } from '../backup/base/choose.ts';
import type { BackupOptions, BackupResult } from '../backup/coordinate.ts';
import { witnessFields, witnessLines } from '../backup/witness/outcome.ts';
import type { ClusterCommand, Flags } from '../command.ts';
import type { ClusterContext } from '../context.ts';
import {
  ACCEPT_CLUSTER_FLAG,
  numberFlag,
  RATE_FLAG,
  rateFlag,
  SELECTION_FLAGS,
  SELECTION_LISTS,
  secondsFrom,
  selectionFrom,
  timestampFrom,
} from '../flags.ts';
import { groupText, groupValue } from '../group/backup-text.ts';
import { identityFor } from '../keys/identity-words.ts';
import { definitionLines } from '../output/definitions.ts';
import { bytes, duration, printable, rate } from '../output/format.ts';
import { problemLines, warningLines } from '../output/problems.ts';
import { binaryLines, binaryRelations } from '../output/row-format.ts';
import { retriesField } from '../output/storage/retries.ts';
import type { Screen } from '../output/table/screen.ts';
import { type Column, table } from '../output/table/table.ts';

const WAIT_SECONDS = 600;
const TAG_FLAG = [
  '--tag <tag>',
  'a word for the set, for `list --tag` and the rules of retention (repeatable)',
] as const;

export const backupCommand: ClusterCommand = {
  usage: 'backup',
  summary: 'back up the cluster into a new set, and wait until functions have validated the set',
  flags: [
    ...SELECTION_FLAGS,
    ['--no-unlogged-table-data', 'leave out the rows of unlogged tables'],
    [
      '--snapshot <mode>',
      'barrier: writers are blocked briefly; dispatch: writers are not blocked, the coordinator sends the rows (Greenplum)',
    ],
    [
      '--through <way>',
      'segments (default), or coordinator: its sessions read all rows; no session with a segment, no right but to read (Greenplum)',
    ],
    [
      '--databases <names>',
      'these databases (a,b), or all: one set of each, together a group; overrides databases',
    ],
    ACCEPT_CLUSTER_FLAG,
    TAG_FLAG,
    ['--base <set>', 'the set whose frames are used again; default: the newest set that fits'],
    ['--full', 'store all rows, and use no frames of another set'],
    ['--workers <n>', 'connections per segment; overrides shippers.workers'],
    RATE_FLAG,
    [
      '--zstd-level <n>',
      'compression level, 1 (fast) to 19 (small), or auto: raises the level while the upload is the bottleneck',
    ],
    [
      '--functions <mode>',
      'inline: this command runs the functions (stitch, validate) itself; events: deployed functions run',
    ],
    [
      '--wait <seconds>',
      `with events: how long to wait for the functions (default ${WAIT_SECONDS})`,
    ],
  ],
  lists: [...SELECTION_LISTS, TAG_FLAG[0]],
  cluster: (flags) => {
    const selection = Object.entries(selectionFrom(flags)).filter(
      ([, patterns]) => patterns.length > 0,
    );
    return {
      'backup.snapshot': flags['snapshot'],
      'backup.through': flags['through'],
      databases: databasesFlag(flags),
      'backup.unloggedRows': flags['unloggedTableData'] === false ? false : undefined,
      'shippers.workers': numberFlag(flags, 'workers'),
      'shippers.maxRateBytes': rateFlag(flags),
      'backup.zstdLevel': flags['zstdLevel'] === 'auto' ? 'auto' : numberFlag(flags, 'zstdLevel'),
      functions: flags['functions'],
      'backup.tags': flags['tag'],
      ...Object.fromEntries(selection.map(([name, patterns]) => [`backup.${name}`, patterns])),
    };
  },
  async run({ flags, context }) {
    const options = {
      waitMs: secondsFrom(flags, 'wait', WAIT_SECONDS) * 1000,
      acceptCluster: flags['acceptCluster'] === true,
      ...wantedBase(flags),
    };
    const { configuredDatabases } = await import('../group/databases.ts');
    const databases = await configuredDatabases(context);
    if (databases !== undefined) return backUpGroup(context, databases, options);
    const { runBackup } = await import('../backup/coordinate.ts');
    const result = await runBackup(context, options);
    context.output.result(summaryOf(result), backupText(result, context.output.screen));
    if (context.signal.aborted) return 130;
    return result.status === 'complete' ? 0 : 3;
  },
};

/** Prints the sets of all databases. @returns the exit code. */
async function backUpGroup(
  context: ClusterContext,
  databases: readonly string[],
  options: BackupOptions,
): Promise<number> {
  if (typeof options.base === 'object')
    throw new StowageError(
      'usage/flag',
      '--base names the set of one database: it does not go with databases or --databases',
      { where: { field: 'base' } },
    );
  const { backUpDatabases, exitOf } = await import('../group/backup.ts');
  const group = await backUpDatabases(context, databases, options);
  const { encryption } = context.config;
  context.output.result(
    groupValue(group, (result) => summaryOf(result)),
    groupText(
      group,
      (result) => backupText(result, context.output.screen),
      identityFor(context, encryption !== undefined && isEncrypting(encryption)),
    ),
  );
  return exitOf(group, context.signal.aborted);
}

function databasesFlag({ databases }: Flags): 'all' | string[] | undefined {
  if (databases === undefined) return undefined;
  return databases === 'all' ? 'all' : String(databases).split(',');
}

function wantedBase(flags: Flags): { readonly base?: WantedBase } {
  const timestamp = flags['base'];
  const isFull = flags['full'] === true;
  // The set still gets witnesses, so that the next backup can use it as its base.
  if (timestamp === undefined) return isFull ? { base: 'none' } : {};
  if (isFull) throw new StowageError('usage/flag', '--base and --full exclude each other');
  return { base: { timestamp: timestampFrom([String(timestamp)]) } };
}

export function summaryOf(result: BackupResult) {
  const { timestamp, status, verdict, plan, failures, elapsedMs } = result;
  return {
    timestamp,
    status,
    elapsedMs,
    writerWaitMs: plan.snapshot.writerWaitMs,
    encrypted: plan.encryption !== undefined,
    ...(plan.base && { base: plan.base.timestamp }),
    ...(plan.tags && { tags: plan.tags }),
    ...(plan.group && { group: plan.group }),
    ...totalsOf(result),
    ...witnessFields(result.witnessed),
    ...retriesField(),
    contents: [...result.tally.contents.values()].map(
      ({
        content,
        rows,
        bytes,
        storedBytes,
        objects,
        peakMemoryBytes,
        cpuMs,
        eventLoopDelayP99Ms,
      }) => ({
        content,
        rows,
        bytes,
        storedBytes,
        objects,
        peakMemoryBytes,
        cpuMs,
        eventLoopDelayP99Ms,
      }),
    ),
    failures: failures.map(({ content, error }) => ({
      content,
      code: error.code,
      message: error.message,
    })),
    problems: verdict?.problems ?? [],
    warnings: verdict?.warnings ?? [],
    warningsTotal: verdict?.warningsTotal ?? 0,
    leftOut: plan.leftOut ?? [],
    secrets: plan.secrets ?? [],
    binary: binaryRelations(plan, result.tally.contents.values()),
  };
}

const COLUMNS: readonly Column[] = [
  { title: 'content', align: 'right' },
  { title: 'tables', align: 'right' },
  { title: 'rows', align: 'right' },
  { title: 'bytes', align: 'right' },
  { title: 'stored', align: 'right' },
  { title: 'objects', align: 'right', drop: 2 },
  { title: 'peak memory', align: 'right', drop: 1 },
];

export function backupText(result: BackupResult, screen?: Screen): string {
  const { timestamp, status, elapsedMs, failures, verdict } = result;
  const totals = totalsOf(result);
  const rows = [...result.tally.contents.values()].map((content) => [
    String(content.content),
    String(content.relations.length),
    count(content.rows),
    bytes(content.bytes),
    bytes(content.storedBytes),
    String(content.objects),
    content.peakMemoryBytes === 0 ? '–' : bytes(content.peakMemoryBytes),
  ]);
  const ratio =
    totals.storedBytes === 0 ? '' : ` (${(totals.bytes / totals.storedBytes).toFixed(1)} : 1)`;
  return [
    table(COLUMNS, rows, screen),
    '',
    `${plural(totals.rows, 'row')}, ${bytes(totals.bytes)} in ${duration(elapsedMs)} (${rate(totals.bytes, elapsedMs)}), stored ${bytes(totals.storedBytes)}${ratio} in ${plural(totals.objects, 'object')}`,
    ...carriedLines(result.plan, totals),
    ...witnessLines(result.witnessed, result.plan, totals),
    ...(verdict === undefined
      ? failures.map(({ error }) => `failed: ${printable(error.message)} (${error.code})`)
      : []),
    ...problemLines(verdict?.problems ?? [], verdict?.problemsTotal),
    ...warningLines(verdict ?? {}),
    ...definitionLines(result.plan),
    ...binaryLines(binaryRelations(result.plan, result.tally.contents.values())),
    status === 'unproven'
      ? `set ${timestamp} is sealed, but no function has validated it yet. Check that \`stowage serve\` or the deployed functions run for this root; \`stowage show ${timestamp}\` shows the status`
      : `set ${timestamp} is ${status}${result.plan.encryption === undefined ? '' : ', encrypted'}`,
  ].join('\n');
}

function totalsOf({ tally }: Pick<BackupResult, 'tally'>) {
  const contents = [...tally.contents.values()];
  const total = (field: 'rows' | 'bytes' | 'storedBytes' | 'carriedBytes' | 'objects') =>
    contents.reduce((sum, content) => sum + content[field], 0);
  const unread = (field: 'rows' | 'bytes') =>
    contents.reduce((sum, content) => sum + content.unread[field], 0);
  return {
    rows: total('rows') + unread('rows'),
    bytes: total('bytes') + unread('bytes'),
    readBytes: total('bytes'),
    storedBytes: total('storedBytes'),
    carriedBytes: total('carriedBytes') + unread('bytes'),
    objects: total('objects'),
  };
}
