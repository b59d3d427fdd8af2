import { count, plural } from '../../../backup-set/base/words.ts';
import { definitionLines } from '../../output/definitions.ts';
import { bytes, duration, printable, rate } from '../../output/format.ts';
import { byReason } from '../../output/not-shipped.ts';
import { wrapped } from '../../output/wrap.ts';
import { changedSegments } from '../expected.ts';
import { mappedLines, mapText } from '../mapped/text.ts';
import type { TargetReport } from '../target-check/check.ts';
import { NEED_KINDS, type Need, type NeedKind } from '../target-check/lacking.ts';
import { reasonLines } from '../target-check/reasons.ts';
import { MODES, volumeText } from '../target-check/short.ts';
import { type DryRun, mappedIn } from './dry-run.ts';

const LABEL_CHARS = 16;
const CONTENTS_SHOWN = 16;
const NAMES_SHOWN = 12;

/** What `stowage restore --dry-run` prints. */
export function reportText(run: DryRun): string {
  const { reasons } = run;
  const end =
    reasons.length === 0
      ? ['The restore can begin. Nothing was changed: leave out --dry-run to restore.']
      : [
          `The restore cannot begin, for ${plural(reasons.length, 'reason')}. Nothing was changed.`,
          ...reasonLines(reasons),
        ];
  return [
    ...targetRows(run),
    ...setRows(run),
    ...mapRows(run),
    ...(run.target === undefined ? [] : foundRows(run.target, run)),
    ...notInSetRows(run),
    '',
    ...end,
  ].join('\n');
}

/** The first of several texts has the label. */
function rows(label: string, texts: readonly string[]): string[] {
  return texts.flatMap((text, at) =>
    wrapped(printable(text), (at === 0 ? label : '').padEnd(LABEL_CHARS)),
  );
}

function targetRows({ check, target }: DryRun): string[] {
  const { segments, request, manifest } = check;
  const changed = changedSegments(manifest.flavour, segments);
  const { database } = request.target;
  const places = changed.slice(0, CONTENTS_SHOWN).map(({ content, host, port }) => {
    const found = target?.contents.find((one) => one.content === content);
    const state = found === undefined ? '' : found.exists ? ', exists' : ', does not exist';
    return `content ${content}: ${host}:${port}, database ${database}${state}`;
  });
  const more = changed.length - places.length;
  return rows('target', [
    ...places,
    ...(more > 0 ? [`and ${plural(more, 'more content')} (--json lists them)`] : []),
  ]);
}

function setRows({ check, plan, estimate }: DryRun): string[] {
  const { request, manifest } = check;
  const what = request.resumes === undefined ? MODES[request.mode] : `resumes ${request.resumes}`;
  const time =
    typeof estimate === 'string'
      ? `not known: ${estimate}`
      : `about ${duration(estimate.ms)}, at ${rate(estimate.from.bytes, estimate.from.ms)} as restore ${estimate.from.id}`;
  return [
    ...rows('mode', [what]),
    ...rows('set', [`${manifest.timestamp} of database ${manifest.database}`]),
    ...(plan === undefined ? [] : rows('volume', [volumeText(plan.totals)])),
    ...(plan === undefined ? [] : rows('time', [time])),
  ];
}

function mapRows(run: DryRun): string[] {
  const mapped = mappedIn(run);
  return mapped === undefined ? [] : rows('map', [mapText(mapped.map), ...mappedLines(mapped)]);
}

const LABELS: Readonly<Record<NeedKind, string>> = {
  roles: 'roles',
  extensions: 'extensions',
  tablespaces: 'tablespaces',
  languages: 'languages',
  accessMethods: 'access methods',
};

function foundRows(target: TargetReport, { check: { request }, plan }: DryRun): string[] {
  const needs = NEED_KINDS.flatMap((kind) => {
    const some = target.needs.filter((need) => need.kind === kind);
    return some.length === 0 ? [] : rows(LABELS[kind], needLines(some));
  });
  const existing = target.contents.reduce((sum, { tablesExisting }) => sum + tablesExisting, 0);
  const tables =
    request.mode === 'create'
      ? []
      : [`${plural(existing, 'table')} of the set exist in the target`];
  return [
    ...needs,
    ...rows('tables', tables),
    ...rows('lock table', lockLines(target)),
    ...rows('free disk', diskLines(target, plan)),
    ...rows('not known', target.unread),
  ];
}

function needLines(needs: readonly Need[]): string[] {
  const present = needs.filter(
    ({ missingOn, deniedOn = [] }) => missingOn.length + deniedOn.length === 0,
  );
  const shown = present.slice(0, NAMES_SHOWN).map(withVersion);
  const more = present.length - shown.length;
  const there = shown.join(', ') + (more > 0 ? ` and ${count(more)} more` : '');
  const missing = needs.filter(({ missingOn }) => missingOn.length > 0);
  const lacking = [...Map.groupBy(missing, ({ missingOn }) => missingOn.join(', '))].map(
    ([contents, some]) => {
      const names = some.slice(0, NAMES_SHOWN).map(({ name }) => name);
      const rest = some.length - names.length;
      return `missing on content ${contents}: ${names.join(', ')}${rest > 0 ? ` and ${count(rest)} more` : ''}`;
    },
  );
  const denied = needs
    .filter(({ deniedOn = [] }) => deniedOn.length > 0)
    .map((need) => `only a superuser may create it: ${withVersion(need)}`);
  return [...(there === '' ? [] : [there]), ...lacking, ...denied];
}

const withVersion = ({ name, versions = [] }: Need) =>
  versions.length === 0 ? name : `${name} ${versions.join(' or ')}`;

/** The content with the least room. */
function lockLines({ contents }: TargetReport): string[] {
  const [worst] = contents.toSorted(
    (a, b) => b.lockTable.needed / b.lockTable.room - a.lockTable.needed / a.lockTable.room,
  );
  if (worst === undefined) return [];
  const { needed, room, verdict, setting, settingNeeded } = worst.lockTable;
  const advice =
    verdict === 'enough'
      ? ''
      : ` on content ${worst.content}; max_locks_per_transaction = ${settingNeeded} is enough`;
  return [
    `${count(needed)} of about ${plural(room, 'lock')} (max_locks_per_transaction = ${setting})${advice}`,
  ];
}

function diskLines({ disks: { known, unknown } }: TargetReport, plan: DryRun['plan']): string[] {
  return [
    ...known.map(({ contents, directory, freeBytes }) => {
      const planned = (plan?.contents ?? []).filter(({ content }) => contents.includes(content));
      const needed = planned.reduce((sum, one) => sum + one.bytes, 0);
      const little = needed > freeBytes ? ': less than the rows are as text' : '';
      return `content ${contents.join(', ')}: ${bytes(freeBytes)} at ${directory}, for ${bytes(needed)} of rows${little}`;
    }),
    ...(unknown.length === 0 ? [] : [`content ${unknown.join(', ')}: not known from this host`]),
  ];
}

function notInSetRows({ notInSet, secrets }: DryRun): string[] {
  const { rows: without, leftEmpty } = notInSet;
  const manifestLike = without.map((one) => ({ ...one, kind: 'table' }));
  const definitions = definitionLines({ leftOut: notInSet.definitions, secrets });
  const created =
    leftEmpty.length === 0 ? [] : [`${plural(leftEmpty.length, 'table')} created without rows`];
  return rows('not in the set', [...byReason(manifestLike), ...created, ...definitions]);
}
