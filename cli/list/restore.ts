import { formatKey } from '../../backup-set/base/keys.ts';
import { isEverything } from '../../backup-set/base/selection.ts';
import { RestoreId } from '../../backup-set/base/timestamps.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import { AskedRestore } from '../../backup-set/documents/restore/asked.ts';
import {
  type ContentReceipt,
  type RestorePhase,
  readRestore,
  type WholeRestore,
} from '../../functions/restores/describe-restore.ts';
import { storedSetKeys } from '../../functions/stored/set-keys.ts';
import { tryRead } from '../../functions/stored/try-read.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import { identityFor } from '../keys/identity-words.ts';
import { bytes, duration, localTime, printable, rate } from '../output/format.ts';
import { problemLines } from '../output/problems.ts';
import {
  exitOfLook,
  lookWith,
  unreadableLines,
  unreadableValue,
} from '../output/storage/unreadable.ts';
import type { Screen } from '../output/table/screen.ts';
import { table } from '../output/table/table.ts';
import { placeWords } from '../requests/text.ts';
import { resumeCommand } from '../restore/unfinished.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { howOf, summaryOf, tookOf } from './restores.ts';

/** The restore that an argument names; undefined = it names a set or a group. */
export function restoreIdFrom([text = '']: readonly string[]): string | undefined {
  return RestoreId.safeParse(text).success ? text : undefined;
}

/**
 * Prints what is stored of one restore. @returns the exit code: 3 when it has failed, or a document
 * of it cannot be read.
 */
export async function showRestore(
  context: ClusterContext,
  store: ObjectStore,
  id: string,
): Promise<number> {
  const look = lookWith(functionDeps(context, store));
  const { deps } = look;
  const restore = await readRestore(deps, id);
  const asked = await tryRead(
    deps,
    formatKey({ kind: 'asked-restore', restore: id }),
    AskedRestore,
  );
  const { request, plan, outcome, phases } = restore;
  const times = phases.map((phase) => ({ phase: phase.phase, ...timesOf(phase) }));
  const isOpen = restore.status === 'failed' || restore.status === 'open';
  const set = request?.timestamp;
  const isEncrypted = isOpen && set !== undefined && (await storedSetKeys(deps, set)).length > 0;
  // A target of requests can have a file of its own.
  const more = `${placeWords(context, asked)}${identityFor(context, isEncrypted)}`;
  context.output.result(
    {
      ...summaryOf(restore),
      ...(asked && { asked }),
      phases: times,
      receipts: phases,
      request,
      plan,
      outcome,
      ...unreadableValue(look.unreadable()),
    },
    [
      restoreText(restore, context.output.screen, { more, asked }),
      ...unreadableLines(look.unreadable()),
    ].join('\n'),
  );
  return restore.status === 'failed' ? 3 : exitOfLook(look.unreadable());
}

interface Beside {
  /** Flags of the command line that continues it. */
  readonly more: string;
  /** Absent: it was not asked for in the console. */
  readonly asked: AskedRestore | undefined;
}

function restoreText(restore: WholeRestore, screen: Screen, { more, asked }: Beside): string {
  const { restore: id, request, plan, outcome, status } = restore;
  const set = request?.timestamp ?? outcome?.timestamp ?? '–';
  const took = tookOf(restore);
  return [
    `restore ${id} of set ${set}`,
    ...(request === undefined ? ['its request cannot be read'] : requestLines(request)),
    ...(asked === undefined
      ? []
      : [printable(`asked for in the console by ${asked.by}, into target ${asked.target}`)]),
    ...(plan === undefined
      ? []
      : [
          `plan: ${plural(plan.totals.rows, 'row')}, ${bytes(plan.totals.bytes)} in ${plural(plan.totals.relations, 'table')} of ${plural(plan.totals.contents, 'segment')}; ${bytes(plan.totals.storedBytes)} to read`,
          '',
          phasesTable(restore, screen),
        ]),
    ...failedLines(restore.phases, screen),
    '',
    ...problemLines(outcome?.problems ?? [], outcome?.problemsTotal),
    ...(outcome?.leftOutTotal ? [`not restored (${count(outcome.leftOutTotal)}):`] : []),
    ...problemLines(outcome?.leftOut ?? [], outcome?.leftOutTotal),
    `status: ${status}${typeof took === 'string' ? ` after ${took}` : ''}`,
    ...nextLines(restore, more),
  ].join('\n');
}

function requestLines(request: NonNullable<WholeRestore['request']>): string[] {
  const { target, selection, requestedAt, contents, into, resumes } = request;
  const places = target.contents.map(({ content, host, port }) => `${content} ${host}:${port}`);
  const shown = places.slice(0, PLACES_SHOWN).join(', ');
  const more = places.length > PLACES_SHOWN ? `, … (${count(places.length)} segments)` : '';
  const { includeSchemas, includeTables, excludeSchemas, excludeTables } = selection;
  const only = [...includeSchemas, ...includeTables].join(', ');
  const without = [...excludeSchemas, ...excludeTables].join(', ');
  return [
    `asked for at ${localTime(new Date(requestedAt))} (${requestedAt}), ${howOf(request)}`,
    `target: database ${target.database} on ${shown}${more}`,
    ...(contents === undefined ? [] : [`only contents ${contents.join(', ')} of the set`]),
    ...(isEverything(selection)
      ? []
      : [
          `chosen: ${[only && `only ${only}`, without && `without ${without}`].filter(Boolean).join('; ')}`,
        ]),
    ...(into === undefined ? [] : ['under other names (--into-schema, --as)']),
    ...(resumes === undefined ? [] : [`resumes restore ${resumes}`]),
  ].map(printable);
}

const PLACES_SHOWN = 4;

function phasesTable({ phases, plan }: WholeRestore, screen: Screen): string {
  const rows = phases.map((phase) => {
    const { ms, storedBytes, tables, rows, done, failed } = timesOf(phase);
    const slowest = phase.receipts.toSorted((a, b) => msOf(b) - msOf(a))[0];
    return [
      phase.phase,
      `${done} of ${plan?.contents.length ?? '?'}`,
      failed > 0 ? { text: count(failed), tone: 'bad' as const } : '0',
      ms === undefined ? undefined : duration(ms),
      storedBytes === 0 ? '–' : bytes(storedBytes),
      ms === undefined || storedBytes === 0 ? '–' : rate(storedBytes, ms),
      phase.phase === 'data' ? count(tables) : '–',
      phase.phase === 'data' ? count(rows) : '–',
      slowest && `content ${slowest.content}, ${duration(msOf(slowest))}`,
    ];
  });
  const columns = [
    { title: 'phase' },
    { title: 'segments', align: 'right' },
    { title: 'failed', align: 'right', drop: 1 },
    { title: 'took', align: 'right' },
    { title: 'read', align: 'right', drop: 4 },
    { title: 'rate', align: 'right' },
    { title: 'tables', align: 'right', drop: 2 },
    { title: 'rows', align: 'right', drop: 3 },
    { title: 'slowest' },
  ] as const;
  return table(columns, rows, screen);
}

/** The contents that failed, each with its first problem. */
function failedLines(phases: readonly RestorePhase[], { paint }: Screen): string[] {
  const failed = phases.flatMap(({ phase, receipts }) =>
    receipts.filter(({ status }) => status === 'failed').map((receipt) => ({ phase, receipt })),
  );
  if (failed.length === 0) return [];
  const lines = failed.slice(0, FAILED_SHOWN).map(({ phase, receipt: { content, problems } }) => {
    const why = problems[0]?.message ?? 'no reason was given';
    return paint('bad', printable(`content ${content} failed in ${phase}: ${why}`));
  });
  const more = failed.length - lines.length;
  return ['', ...lines, ...(more > 0 ? [`… and ${count(more)} more (--json lists them)`] : [])];
}

const FAILED_SHOWN = 12;

function nextLines({ restore, status, plan }: WholeRestore, more: string): string[] {
  if (status === 'failed') return [`\`${resumeCommand(restore, more)}\` continues it`];
  if (status !== 'open') return [];
  return [
    plan === undefined
      ? 'no function has planned it yet: check that its command, `stowage serve` or the deployed functions run for this root'
      : `its command is running, or was killed; then \`${resumeCommand(restore, more)}\` continues it`,
  ];
}

/** From the first start to the last end of a phase, and the sums of its receipts. */
export function timesOf({ receipts }: RestorePhase) {
  const sum = (of: (receipt: ContentReceipt) => number) =>
    receipts.reduce((total, receipt) => total + of(receipt), 0);
  const started = receipts.map(({ startedAt }) => Date.parse(startedAt));
  const finished = receipts.map(({ finishedAt }) => Date.parse(finishedAt));
  return {
    ms: receipts.length === 0 ? undefined : Math.max(...finished) - Math.min(...started),
    storedBytes: sum(({ storedBytes }) => storedBytes),
    tables: sum(({ relations }) => relations),
    rows: sum(({ rows }) => rows),
    done: receipts.filter(({ status }) => status === 'done').length,
    failed: receipts.filter(({ status }) => status === 'failed').length,
  };
}

const msOf = ({ startedAt, finishedAt }: ContentReceipt) =>
  Math.max(0, Date.parse(finishedAt) - Date.parse(startedAt));
