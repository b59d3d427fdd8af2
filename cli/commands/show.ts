import type { Verdict } from '../../backup-set/base/verdict.ts';
import { count } from '../../backup-set/base/words.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import { Manifest as ManifestSchema } from '../../backup-set/documents/manifest.ts';
import { Plan } from '../../backup-set/documents/plan.ts';
import type { Deps } from '../../functions/deps.ts';
import { readOr, requireSet, statusOf } from '../../functions/sets/status.ts';
import { currentVerdict } from '../../functions/stored/current-verdict.ts';
import { countReceipts } from '../../functions/stored/load.ts';
import type { ClusterCommand } from '../command.ts';
import { timestampFrom } from '../flags.ts';
import { withStore } from '../open.ts';
import { bytes, duration, printable, rate, table } from '../output/format.ts';
import { problemLines } from '../output/problems.ts';
import { functionDeps } from '../wait-for-functions.ts';

/** Tables listed unless --all is given. */
const TABLES_SHOWN = 30;

export const showCommand: ClusterCommand = {
  usage: 'show <timestamp>',
  summary: 'one set: segments, tables, sizes, what is not in it, and every problem known',
  flags: [['--all', `list all tables, not only the ${TABLES_SHOWN} biggest`]],
  cluster: () => ({}),
  async run({ flags, positional, context }) {
    const timestamp = timestampFrom(positional);
    return withStore(context, async (store) => {
      const deps = functionDeps(context, store);
      await requireSet(deps, timestamp);
      const manifest = await readOr(deps, timestamp, 'manifest', ManifestSchema);
      const verdict = await currentVerdict(deps, timestamp);
      const status = statusOf(manifest, verdict);
      const text =
        manifest === undefined
          ? await unfinishedText(deps, timestamp, status)
          : committedText(
              manifest,
              flags['all'] === true ? Number.POSITIVE_INFINITY : TABLES_SHOWN,
            );
      context.output.result(
        { timestamp, status, verdict, manifest },
        [text, ...statusLines(status, verdict)].join('\n'),
      );
      return status === 'complete' || status === 'open' ? 0 : 3;
    });
  },
};

function committedText(manifest: Manifest, tablesShown: number): string {
  const { totals } = manifest;
  const ms = Date.parse(manifest.sealedAt) - Date.parse(manifest.startedAt);
  return [
    `set ${manifest.timestamp} of database ${printable(manifest.database)}, cluster ${printable(manifest.cluster)}, written by ${manifest.tool} to ${manifest.root}`,
    `${count(totals.rows)} rows, ${bytes(totals.bytes)} in ${duration(ms)} (${rate(totals.bytes, ms)}); stored ${bytes(totals.storedBytes)} in ${count(totals.objects)} objects`,
    `snapshot ${manifest.snapshot.takenAt}, writers waited ${manifest.snapshot.writerWaitMs} ms at most`,
    '',
    segmentsTable(manifest),
    '',
    tablesTable(manifest, tablesShown),
    ...notShippedLines(manifest),
    '',
  ].join('\n');
}

function segmentsTable({ contents }: Manifest): string {
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
    ['content', 'host', 'version', 'tables', 'rows', 'bytes', 'stored', 'objects', 'frames'],
    rows,
  );
}

function tablesTable({ relations }: Manifest, tablesShown: number): string {
  const biggest = relations.toSorted((a, b) => b.totals.bytes - a.totals.bytes);
  const shown = biggest.slice(0, tablesShown);
  const rows = shown.map(({ schema, name, totals }) => [
    printable(`${schema}.${name}`),
    String(totals.contents),
    count(totals.rows),
    bytes(totals.bytes),
  ]);
  const rest = biggest.length - shown.length;
  return (
    table(['table', 'segments', 'rows', 'bytes'], rows) +
    (rest > 0 ? `\n… and ${count(rest)} smaller tables (--all lists them)` : '')
  );
}

function notShippedLines({ notShipped }: Manifest): string[] {
  if (notShipped.length === 0) return [];
  const reasons = Object.entries(Object.groupBy(notShipped, ({ reason }) => reason));
  return [
    '',
    'without rows in this set:',
    ...reasons.map(([reason, list = []]) => `  ${reason}: ${listed(list)}`),
  ];
}

function listed(names: readonly { schema: string; name: string }[]): string {
  const shown = names.slice(0, 8).map(({ schema, name }) => printable(`${schema}.${name}`));
  return (
    shown.join(', ') +
    (names.length > shown.length ? ` and ${names.length - shown.length} more` : '')
  );
}

async function unfinishedText(deps: Deps, timestamp: string, status: string): Promise<string> {
  const plan = await readOr(deps, timestamp, 'plan', Plan);
  const receipts = [...(await countReceipts(deps, timestamp)).values()].reduce(
    (sum, some) => sum + some,
    0,
  );
  const head = `set ${timestamp} has no manifest: ${status === 'open' ? 'it is being written, or nobody has judged it yet' : 'it was not proven complete'}`;
  return [
    head,
    ...(plan === undefined
      ? []
      : [
          `${plan.contents.length} segments and ${plan.relations.length} tables are planned; ${receipts} receipts have arrived`,
        ]),
  ].join('\n');
}

function statusLines(status: string, verdict: Verdict | undefined): string[] {
  if (verdict === undefined) return [`status: ${status}`];
  return [
    ...problemLines(verdict.problems, verdict.problemsTotal),
    `status: ${status} (last check: ${verdict.level} at ${verdict.at} found it ${verdict.status})`,
  ];
}
