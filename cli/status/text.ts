import { dateOf } from '../../backup-set/base/timestamps.ts';
import { plural } from '../../backup-set/base/words.ts';
import { bytes, duration, printable } from '../output/format.ts';
import type { Screen } from '../output/table/screen.ts';
import { wrapped } from '../output/wrap.ts';
import { ageText, localTime, runText } from '../schedule/text.ts';
import type { Attention } from './attention.ts';
import type { EntryStatus, Status } from './collect.ts';
import { agentsText } from './heard/agents.ts';

const LABEL = 11;
const COLUMNS_MAX = 80;
/** Problems of a status that are printed; --json has all. */
const SHOWN = 6;
/** A message can quote a server at length. */
const ITEM_LINES_MAX = 3;

/** One screen: labels on the left, lines of at most 80 columns. */
export function statusText(
  status: Status,
  attention: readonly Attention[],
  screen: Screen,
): string {
  const { root, cluster, now } = status;
  const head = `${cluster} · ${root} · ${now.toISOString().slice(0, 16).replace('T', ' ')}Z`;
  const rows = rowsOf(status).flatMap(([label, text]) => fitted(text, label.padEnd(LABEL)));
  return [...fitted(head, ''), '', ...attentionLines(attention, screen), ...rows].join('\n');
}

function attentionLines(all: readonly Attention[], { paint }: Screen): string[] {
  if (all.length === 0) return [paint('good', 'nothing needs attention'), ''];
  const shown = all.slice(0, SHOWN).flatMap(({ message }) => {
    const lines = fitted(message, '  ! ');
    return lines.length > ITEM_LINES_MAX ? [...lines.slice(0, ITEM_LINES_MAX - 1), '    …'] : lines;
  });
  const more = all.length > SHOWN ? [`  … and ${all.length - SHOWN} more (--json)`] : [];
  return [paint('bad', `needs attention (${all.length})`), ...shown, ...more, ''];
}

/** A word that is longer than a line, such as a URL, is cut. */
function fitted(text: string, first: string): string[] {
  return wrapped(printable(text), first).map((line) =>
    line.length > COLUMNS_MAX ? `${line.slice(0, COLUMNS_MAX - 1)}…` : line,
  );
}

function rowsOf(status: Status): [label: string, text: string][] {
  return [
    ['running', runningText(status)],
    ['last set', lastText(status)],
    ['drill', drillText(status)],
    ...copyRows(status),
    ...scheduleRows(status),
    ...agentRows(status),
    ['hosts', hostsText(status)],
  ];
}

function runningText({ sets, restores, entries, now }: Status): string {
  const age = (date: Date) => ageText(now.getTime() - date.getTime());
  const running = [
    ...sets
      .filter(({ status }) => status === 'open')
      .map(({ timestamp }) => `backup ${timestamp} for ${age(dateOf(timestamp))}`),
    // A restore whose command was killed has none, either.
    ...restores.map((id) => `restore ${id} (no outcome for ${age(dateOf(id.slice(0, 17)))})`),
    ...entries
      .filter(({ last, entry }) => last?.state === 'running' && entry.job !== 'backup')
      .map(({ entry, last }) => `${entry.name} (${last === undefined ? '' : runText(last, now)})`),
  ];
  return running.length === 0 ? 'nothing' : running.join('; ');
}

function lastText({ complete, now }: Status): string {
  if (complete === undefined) return 'none complete';
  const { timestamp, totals, elapsedMs, verdict, database, encrypted } = complete;
  const age = ageText(now.getTime() - dateOf(timestamp).getTime());
  return [
    `${timestamp} complete, ${age} old${database === undefined ? '' : `, database ${database}`}${encrypted ? ', encrypted' : ''}`,
    ...(totals === undefined
      ? []
      : [
          `${bytes(totals.usedBytes ?? totals.storedBytes)} stored, ${bytes(totals.newBytes ?? totals.storedBytes)} new, ${plural(totals.relations, 'table')}`,
        ]),
    ...(elapsedMs === undefined ? [] : [`in ${duration(elapsedMs)}`]),
    ...(verdict === undefined
      ? ['not checked']
      : [`${verdict.level} ${ageText(now.getTime() - Date.parse(verdict.at))} ago`]),
  ].join(' · ');
}

function drillText({ drill, now }: Status): string {
  if (drill === undefined) return 'none of the newest sets has been drilled';
  const age = (at: string) => `${ageText(now.getTime() - Date.parse(at))} ago`;
  const { good } = drill;
  const whole = good?.wholeMs;
  const passed =
    drill.goodAt === undefined
      ? 'none of this set has passed'
      : [
          `passed ${age(drill.goodAt)} (set ${drill.set}`,
          ...(good === undefined
            ? []
            : [`, ${good.restored.relations} of ${plural(good.set.relations, 'table')}`]),
          ')',
          ...(whole === undefined
            ? []
            : [`, whole set ${good?.scope === 'all' ? '' : 'about '}${duration(whole)}`]),
        ].join('');
  return drill.status === 'failed' ? `FAILED ${age(drill.at)}; ${passed}` : passed;
}

function copyRows({ copy }: Status): [string, string][] {
  if (copy === undefined) return [];
  const state =
    copy.hasNewest === undefined
      ? 'not known'
      : copy.hasNewest
        ? 'has the newest set'
        : 'does not have the newest set';
  return [['copy', `${copy.root} ${state}`]];
}

function scheduleRows({ entries, runner, runners, now }: Status): [string, string][] {
  if (entries.length === 0) return [['schedule', 'none (schedule: in the configuration)']];
  const next = entries
    .filter((one): one is EntryStatus & { readonly next: Date } => one.next !== undefined)
    .toSorted((a, b) => a.next.getTime() - b.next.getTime())[0];
  const inTime = next && ageText(next.next.getTime() - now.getTime());
  return [
    [
      'next',
      next === undefined
        ? 'nothing'
        : `${next.entry.name} in ${inTime} (${localTime(next.next, next.entry.timeZone)})`,
    ],
    ...entries.map(({ entry, last }, at): [string, string] => [
      at === 0 ? 'schedule' : '',
      `${entry.name} ${last === undefined ? 'has not run yet' : runText(last, now)}`,
    ]),
    ['runner', runner ?? runnersText(runners, now)],
  ];
}

function runnersText(runners: Status['runners'], now: Date): string {
  if (runners.length === 0) return 'none heard in the last 7 days';
  return runners
    .map(({ name, lastAt, isOverdue }) => {
      const age = ageText(now.getTime() - lastAt.getTime());
      return `${name} ${isOverdue ? 'OVERDUE, ' : ''}heard ${age} ago`;
    })
    .join('; ');
}

function agentRows({ agents, sets, now }: Status): [string, string][] {
  if (agents === undefined) return [];
  const { newest, heard } = agents;
  const took =
    newest === undefined || newest.orders === 0
      ? ''
      : `; took ${newest.claimed} of ${plural(newest.orders, 'order')} of set ${sets[0]?.timestamp}`;
  return [['agents', `${agentsText(heard, now)}${took}`]];
}

function hostsText({ segments, hosts }: Status): string {
  if (segments === 0) return 'the coordinator knows the segments';
  return `${plural(segments, 'segment')} on ${plural(hosts, 'host')}`;
}
