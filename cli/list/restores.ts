import { StowageError } from '../../backup-set/base/errors.ts';
import { dateOf } from '../../backup-set/base/timestamps.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import type { Outcome } from '../../backup-set/documents/restore/restore.ts';
import {
  describeRestores,
  type RestoreSummary,
} from '../../functions/restores/describe-restore.ts';
import type { Flags } from '../command.ts';
import type { ClusterContext } from '../context.ts';
import { withStore } from '../open.ts';
import { age, duration, localTime, printable } from '../output/format.ts';
import {
  exitOfLook,
  lookWith,
  unreadableLines,
  unreadableValue,
} from '../output/storage/unreadable.ts';
import type { Tone } from '../output/table/palette.ts';
import type { Screen } from '../output/table/screen.ts';
import { type Cell, type Column, table } from '../output/table/table.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { filtered, filtersFrom, filterText } from './filters.ts';

const STATUSES = ['restored', 'failed', 'refused', 'open', 'unreadable'] as const;
/** Restores whose documents are read without --all: three requests each. */
const READ_MAX = 200;

/** Prints the restores that were asked for under the root. @returns the exit code. */
export async function listRestores(context: ClusterContext, flags: Flags): Promise<number> {
  const now = context.clock();
  const filters = filtersFrom(flags, STATUSES, now);
  const unknown = filters.tags.length > 0 ? 'tag' : filters.clusters.length > 0 ? 'cluster' : '';
  if (unknown !== '')
    throw new StowageError('usage/flag', `--${unknown} is for sets: a restore has none`, {
      where: { field: unknown },
    });
  const most = flags['all'] === true ? Number.POSITIVE_INFINITY : READ_MAX;
  return withStore(context, async (store) => {
    const look = lookWith(functionDeps(context, store));
    const { restores: read, total } = await describeRestores(look.deps, most);
    const unreadable = look.unreadable();
    const restores = filtered(read, filteredBy, filters);
    const older = Math.max(0, total - most);
    const text = filterText(filters);
    const none = text === '' ? 'no restores' : `no restores with ${text}`;
    context.output.result(
      {
        ...{ root: store.url, restores: restores.map(summaryOf), notRead: older },
        ...unreadableValue(unreadable),
      },
      [
        restores.length === 0
          ? printable(`${none} under ${store.url}`)
          : restoresTable(restores, now, context.output.screen),
        ...(older > 0
          ? [`${plural(older, 'older restore')} not read (--all reads all ${count(total)})`]
          : []),
        ...unreadableLines(unreadable),
      ].join('\n'),
    );
    return exitOfLook(unreadable);
  });
}

const filteredBy = ({ restore, status, request }: RestoreSummary) => ({
  time: restore.slice(0, 14),
  status,
  database: request?.target.database,
  cluster: undefined,
  tags: [],
});

/** A restore in `--json`. */
export function summaryOf({ restore, status, request, outcome, endedAt }: RestoreSummary) {
  return {
    restore,
    status,
    timestamp: request?.timestamp ?? outcome?.timestamp,
    database: request?.target.database,
    contents: request?.target.contents.map(({ content }) => content),
    mode: request?.mode,
    ...(request?.resumes !== undefined && { resumes: request.resumes }),
    requestedAt: request?.requestedAt,
    endedAt,
    totals: outcome?.totals,
    problemsTotal: outcome?.problemsTotal,
    leftOutTotal: outcome?.leftOutTotal ?? 0,
  };
}

type Field = Column & { readonly of: (restore: RestoreSummary, now: Date) => Cell };

const FIELDS: readonly Field[] = [
  { title: 'restore', align: 'left', of: ({ restore }) => restore },
  { title: 'age', align: 'right', of: ({ restore }, now) => age(now.getTime() - timeOf(restore)) },
  { title: 'local time', drop: 6, of: ({ restore }) => localTime(new Date(timeOf(restore))) },
  { title: 'status', of: statusCell },
  { title: 'set', drop: 7, of: ({ request, outcome }) => request?.timestamp ?? outcome?.timestamp },
  { title: 'database', min: 8, cut: 'middle', of: ({ request }) => request?.target.database },
  { title: 'how', drop: 5, of: ({ request }) => request && howOf(request) },
  {
    title: 'segments',
    align: 'right',
    drop: 1,
    of: ({ request }) => request && String(request.target.contents.length),
  },
  { title: 'tables', align: 'right', drop: 2, of: total('relations') },
  { title: 'rows', align: 'right', drop: 4, of: total('rows') },
  { title: 'took', align: 'right', drop: 8, of: tookOf },
  {
    title: 'problems',
    align: 'right',
    drop: 3,
    of: ({ outcome }) => outcome && count(outcome.problemsTotal + (outcome.leftOutTotal ?? 0)),
  },
];

function restoresTable(restores: readonly RestoreSummary[], now: Date, screen: Screen): string {
  return table(
    FIELDS,
    restores.map((restore) => FIELDS.map(({ of }) => of(restore, now))),
    screen,
  );
}

const timeOf = (restore: string) => dateOf(restore.slice(0, 17)).getTime();

const TONES: Readonly<Record<RestoreSummary['status'], Tone>> = {
  restored: 'good',
  failed: 'bad',
  unreadable: 'bad',
  refused: 'warn',
  open: 'warn',
};

export function statusCell({ status, outcome }: Pick<RestoreSummary, 'status' | 'outcome'>): Cell {
  const isPart = status === 'restored' && (outcome?.leftOutTotal ?? 0) > 0;
  const tone: Tone = TONES[status];
  return { text: isPart ? 'restored, not all' : status, tone: isPart ? 'warn' : tone };
}

/** `create`, `truncate, resumes`: how the target was treated. */
export function howOf({ mode, resumes }: NonNullable<RestoreSummary['request']>): string {
  return resumes === undefined ? mode : `${mode}, resumed`;
}

function total(field: keyof Outcome['totals']) {
  return ({ outcome }: RestoreSummary): Cell => outcome && count(outcome.totals[field]);
}

/** From the request to the outcome, by two clocks: of this host and of the store. */
export function tookOf({ request, endedAt }: RestoreSummary): Cell {
  if (request === undefined || endedAt === undefined) return undefined;
  return duration(Math.max(0, Date.parse(endedAt) - Date.parse(request.requestedAt)));
}
