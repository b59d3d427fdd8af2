import { formatKey } from '../../backup-set/base/keys.ts';
import { isEverything } from '../../backup-set/base/selection.ts';
import type { Verdict } from '../../backup-set/base/verdict.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import { Manifest as ManifestSchema } from '../../backup-set/documents/manifest.ts';
import { Plan } from '../../backup-set/documents/plan.ts';
import type { Deps } from '../../functions/deps.ts';
import { retentionOf } from '../../functions/retention/marks.ts';
import { damagedPacksUsedBy } from '../../functions/sets/damaged-packs.ts';
import {
  readSetDocument,
  requireSet,
  retentionText,
  type SetRetention,
  statusOf,
  tryReadDocument,
} from '../../functions/sets/status.ts';
import { judgementOf } from '../../functions/stored/judgement.ts';
import { countReceipts, newestVerdict, verdictKeys } from '../../functions/stored/load.ts';
import { sourceLines } from '../adopt/source-lines.ts';
import type { ClusterCommand } from '../command.ts';
import { drillText } from '../drill/text.ts';
import { filesLines } from '../gpbackup-plugin/show-lines.ts';
import { groupNameFrom } from '../group/members.ts';
import { showGroup } from '../group/show.ts';
import { restoreIdFrom, showRestore } from '../list/restore.ts';
import { withStore } from '../open.ts';
import { definitionLines } from '../output/definitions.ts';
import { bytes, duration, printable, rate } from '../output/format.ts';
import { notShippedLines } from '../output/not-shipped.ts';
import { damagedPackLines, depthOf, problemLines, warningLines } from '../output/problems.ts';
import { binaryLines } from '../output/row-format.ts';
import {
  exitOfLook,
  lookWith,
  unreadableLines,
  unreadableValue,
} from '../output/storage/unreadable.ts';
import type { Screen } from '../output/table/screen.ts';
import { table } from '../output/table/table.ts';
import { isRequest, showRequest } from '../requests/list.ts';
import { findSet, GROUP_DETAILS, SET_DETAILS, setNameFrom } from '../set-name.ts';
import { functionDeps } from '../wait-for-functions.ts';

/** Tables listed unless --all is given. */
const TABLES_SHOWN = 30;

export const showCommand: ClusterCommand = {
  usage: 'show <set>',
  summary:
    'show one set: segments, tables, sizes, tables without rows, and all known problems; or one restore',
  details: `${SET_DETAILS} ${GROUP_DETAILS} Or it is the id of a restore, as \`stowage list restores\` prints it; or of a request, as \`stowage list requests\` prints it.`,
  flags: [['--all', `list all tables, not only the ${TABLES_SHOWN} largest`]],
  cluster: () => ({}),
  async run({ flags, positional, context }) {
    const { screen } = context.output;
    const restore = restoreIdFrom(positional);
    if (restore !== undefined)
      return withStore(context, async (store) => {
        const key = formatKey({ kind: 'restore-request', restore });
        // A restore has the id of its request.
        const isRestore = (await store.head(key, { signal: context.signal })) !== undefined;
        if (!isRestore && (await isRequest(context, store, restore)))
          return showRequest(context, store, restore);
        return showRestore(context, store, restore);
      });
    const group = groupNameFrom(positional);
    if (group !== undefined) return withStore(context, (store) => showGroup(context, store, group));
    const name = setNameFrom(positional);
    return withStore(context, async (store) => {
      const timestamp = await findSet(context, store, name);
      const look = lookWith(functionDeps(context, store));
      const { deps } = look;
      await requireSet(deps, timestamp);
      const stored = await readSetDocument(deps, timestamp, 'manifest', ManifestSchema);
      const manifest = stored.document;
      const keys = await verdictKeys(deps, timestamp);
      const known = { isCommitted: stored.exists, keys };
      const { verdict, hidden } = await judgementOf(deps, timestamp, known);
      const validated = await newestVerdict(deps, timestamp, 'validate', keys);
      const { compared, warnings, warningsTotal } = validated ?? {};
      const own = statusOf(stored, verdict);
      const damagedPacks =
        own === 'complete'
          ? await damagedPacksUsedBy(deps, { timestamp, needs: manifest?.needs ?? [], verdict })
          : [];
      const judged = damagedPacks.length === 0 ? own : 'damaged';
      // A verdict that cannot be read may have found damage.
      const status = judged === 'complete' && hidden !== undefined ? 'unknown' : judged;
      const text =
        manifest === undefined
          ? await unfinishedText(deps, timestamp, status)
          : committedText(manifest, {
              screen,
              tablesShown: flags['all'] === true ? Number.POSITIVE_INFINITY : TABLES_SHOWN,
            });
      const found = await retentionOf(deps, timestamp);
      const retention = retentionText(found);
      const chosen = manifest && !isEverything(manifest.selection);
      const drill = await newestVerdict(deps, timestamp, 'drill');
      const unreadable = look.unreadable();
      context.output.result(
        {
          ...{ timestamp, status, chosen, verdict, damagedPacks },
          ...{ compared, warnings, warningsTotal, manifest, retention, drill },
          ...unreadableValue(unreadable),
        },
        [
          text,
          ...warningLines({ warnings, warningsTotal }),
          ...damagedPackLines(damagedPacks, timestamp),
          ...statusLines(status, verdict),
          ...retentionLines(timestamp, retention),
          ...(drill === undefined ? [] : [`drill at ${drill.at}:`, drillText(drill)]),
          ...unreadableLines(unreadable),
        ].join('\n'),
      );
      return status === 'complete' || status === 'open' ? exitOfLook(unreadable) : 3;
    });
  },
};

interface Shown {
  readonly screen: Screen;
  readonly tablesShown: number;
}

function committedText(manifest: Manifest, shown: Shown): string {
  const { totals } = manifest;
  const ms = Date.parse(manifest.sealedAt) - Date.parse(manifest.startedAt);
  return [
    `set ${manifest.timestamp} of database ${printable(manifest.database)}, cluster ${printable(manifest.cluster)}, first written to ${manifest.root} by ${manifest.tool}`,
    `${plural(totals.rows, 'row')}, ${bytes(totals.bytes)}, sealed after ${duration(ms)} (${rate(totals.bytes, ms)}); stored ${bytes(totals.storedBytes)} in ${plural(totals.objects, 'object')}`,
    ...carriedLines(manifest),
    ...chosenLines(manifest),
    ...encryptionLines(manifest),
    ...sourceLines(manifest.source),
    ...(manifest.tags ? [`tags: ${manifest.tags.join(', ')}`] : []),
    ...groupLines(manifest),
    `snapshot ${manifest.snapshot.takenAt}, writers were blocked for at most ${duration(manifest.snapshot.writerWaitMs)}`,
    '',
    segmentsTable(manifest, shown.screen),
    '',
    ...(manifest.files === undefined
      ? [tablesTable(manifest, shown)]
      : filesLines(manifest, shown)),
    ...notShippedLines(manifest),
    ...definitionLines(manifest),
    ...binaryLines(manifest.relations.filter(({ rowFormat }) => rowFormat !== undefined)),
    '',
  ].join('\n');
}

function groupLines({ group }: Manifest): string[] {
  if (group === undefined) return [];
  return [`group ${group.id} of databases ${group.databases.map(printable).join(', ')}`];
}

function carriedLines({ base, needs, totals }: Manifest): string[] {
  if (base === undefined || totals.newBytes === undefined) return [];
  const used = totals.usedBytes ?? totals.storedBytes;
  const older = needs.length === 0 ? '' : `; the rest lies in ${needs.join(', ')}`;
  const { readRelations: read } = totals;
  const unread =
    read === undefined ? '' : `; read ${count(read)} of ${plural(totals.relations, 'table')}`;
  return [
    `new ${bytes(totals.newBytes)} of ${bytes(used)} that the set uses${unread} (base: set ${base.timestamp})${older}`,
  ];
}

function encryptionLines({ encryption, needs }: Manifest): string[] {
  if (encryption === undefined) return [];
  const others = needs.length === 0 ? '' : ' that opens the older sets, too';
  return [
    `encrypted: reading it needs the identity of a recipient${others} (stowage key list shows the recipients)`,
  ];
}

/** A set of chosen tables is not a backup of the database. */
function chosenLines({ selection, notShipped }: Manifest): string[] {
  if (isEverything(selection)) return [];
  const { includeSchemas, includeTables, excludeSchemas, excludeTables } = selection;
  const left = notShipped.filter(({ reason }) => reason === 'excluded').length;
  const patterns = [
    ['only', [...includeSchemas, ...includeTables]],
    ['without', [...excludeSchemas, ...excludeTables]],
  ] as const;
  const words = patterns.flatMap(([word, list]) =>
    list.length === 0 ? [] : [`${word} ${list.map(printable).join(', ')}`],
  );
  return [`chosen tables, ${words.join(', ')}: ${plural(left, 'table')} left out`];
}

function segmentsTable({ contents }: Manifest, screen: Screen): string {
  const rows = contents.map(({ content, host, port, serverVersion, totals }) => [
    String(content),
    `${host}:${port}`,
    serverVersion,
    String(totals.relations),
    count(totals.rows),
    bytes(totals.bytes),
    bytes(totals.storedBytes),
    String(totals.objects),
    count(totals.extents),
  ]);
  return table(
    [
      { title: 'content', align: 'right' },
      { title: 'host', align: 'left', min: 12, cut: 'middle' },
      { title: 'version', drop: 1 },
      { title: 'tables', align: 'right' },
      { title: 'rows', align: 'right' },
      { title: 'bytes', align: 'right' },
      { title: 'stored', align: 'right' },
      { title: 'objects', align: 'right', drop: 3 },
      { title: 'frames', align: 'right', drop: 2 },
    ],
    rows,
    screen,
  );
}

function tablesTable({ relations }: Manifest, { tablesShown, screen }: Shown): string {
  const biggest = relations.toSorted((a, b) => b.totals.bytes - a.totals.bytes);
  const shown = biggest.slice(0, tablesShown);
  const rows = shown.map(({ schema, name, totals }) => [
    `${schema}.${name}`,
    String(totals.contents),
    count(totals.rows),
    bytes(totals.bytes),
  ]);
  const rest = biggest.length - shown.length;
  return (
    table(
      [
        { title: 'table', min: 16, cut: 'middle' },
        { title: 'segments', align: 'right' },
        { title: 'rows', align: 'right' },
        { title: 'bytes', align: 'right' },
      ],
      rows,
      screen,
    ) + (rest > 0 ? `\n… and ${plural(rest, 'smaller table')} (--all lists them)` : '')
  );
}

async function unfinishedText(deps: Deps, timestamp: string, status: string): Promise<string> {
  const plan = await tryReadDocument(deps, timestamp, 'plan', Plan);
  const receipts = [...(await countReceipts(deps, timestamp)).values()].reduce(
    (sum, some) => sum + some,
    0,
  );
  const state =
    status === 'open'
      ? `set ${timestamp} is open: its backup is running, or no function has validated it yet (no readable manifest or verdict)`
      : `set ${timestamp} ${status === 'incomplete' ? 'is incomplete (no manifest)' : 'has no readable manifest'} and cannot be restored`;
  if (plan === undefined) return state;
  const segments = plural(plan.contents.length, 'segment');
  const tables = plural(plan.relations.length, 'table');
  return `${state}\nplan: ${segments}, ${tables}; ${plural(receipts, 'receipt')} stored`;
}

function statusLines(status: string, verdict: Verdict | undefined): string[] {
  if (verdict === undefined) return [`status: ${status}`];
  return [
    ...problemLines(verdict.problems, verdict.problemsTotal),
    `status: ${status} (last check: ${verdict.level} at ${verdict.at}, result: ${verdict.status}${depthOf(verdict)})`,
  ];
}

function retentionLines(timestamp: string, retention: SetRetention | undefined): string[] {
  if (retention === undefined) return [];
  if (retention.state === 'living') return [`held: ${printable(retention.held)}`];
  return [
    `expired at ${retention.since}, and will be removed after retention.graceHours; \`stowage unexpire ${timestamp}\` takes it back`,
  ];
}
