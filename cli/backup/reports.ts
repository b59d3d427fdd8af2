import { onAbort } from '../../async/abort.ts';
import { DOCUMENT_BYTES_MAX, decode } from '../../backup-set/base/document.ts';
import { ERRORS, type ErrorCode, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { BackupReport } from '../../backup-set/documents/agents.ts';
import { requireRows } from '../../database/copy/verify-counts.ts';
import { BACKUP_ADVICE } from '../../database/lock-watch/terms.ts';
import { withLockWatch } from '../../database/lock-watch/watch.ts';
import { attachSnapshot } from '../../database/session/snapshot.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { lockWaitMs, targetOf } from '../config/config.ts';
import type { BackupRun } from './run.ts';
import type { ContentTally } from './tally.ts';

/**
 * Adds an agent's report to the tally, also the report of a failure: the seal then names what was
 * uploaded.
 * @throws StowageError that names the content, when its agent failed or its report is unreadable.
 */
export async function addAgentReport(
  store: ObjectStore,
  timestamp: string,
  tally: ContentTally,
): Promise<BackupReport> {
  const { content } = tally;
  const key = formatKey({ kind: 'backup-report', timestamp, content });
  const report = decode(BackupReport, {
    key,
    bytes: await store.read(key, { bytesMax: DOCUMENT_BYTES_MAX }),
  });
  if (report.timestamp !== timestamp || report.content !== content)
    throw new StowageError('set/unreadable', `${key}: the document's fields do not match its key`, {
      where: { content, object: key },
    });
  // Not push(...all): a call takes some 125,000 arguments.
  for (const receipt of report.receipts) tally.receipts.push(receipt);
  for (const relation of report.relations) tally.relations.push(relation);
  tally.objects += report.totals.objects ?? report.receipts.length;
  tally.carriedBytes += report.totals.carriedBytes ?? 0;
  tally.rows = report.totals.rows;
  tally.bytes = report.totals.bytes;
  tally.storedBytes = report.totals.storedBytes;
  tally.peakMemoryBytes = report.peakMemoryBytes;
  if (report.status === 'shipped') return report;
  const { code, message } = report.failure ?? {
    code: 'internal',
    message: 'the report has no reason',
  };
  throw new StowageError(
    code in ERRORS ? (code as ErrorCode) : 'internal',
    `the agent of content ${content} failed: ${message}`,
    { where: { content } },
  );
}

/** A relation of more rows is not counted again: that would read every table twice. */
const COUNTED_ROWS_MAX = 10_000;

/**
 * Compares the counts of an agent's report with the database, over a session of this process in the
 * held snapshot: a program with the keys of an agent can forge a report. Rows that programs sent
 * have been counted by the coordinator itself.
 * @throws StowageError `database/count` naming relation and content; `database/locked`.
 */
export async function confirmCounts(
  { context, plan, draft, held }: BackupRun,
  { content, relations }: ContentTally,
  signal: AbortSignal,
): Promise<void> {
  const node = held.nodes.find(({ segment }) => segment.content === content);
  if (node === undefined) return;
  if (held.dispatch !== undefined && node.snapshotId === undefined) return;
  const planned = new Map(
    (draft.work.get(content) ?? []).map(({ relation }) => [relation.id, relation]),
  );
  const few = relations.flatMap(({ relation: id, rows, ranges }) => {
    const relation = planned.get(id);
    // The count of some ranges of blocks is not that of the table.
    if (relation === undefined || ranges || rows > COUNTED_ROWS_MAX) return [];
    const { schema, name, condition } = relation;
    return [{ schema, name, rows, ...(condition !== undefined && { condition }) }];
  });
  if (few.length === 0) return;
  const target = targetOf(context.config, node.segment, context.env);
  const session = await attachSnapshot(target, node.snapshotId, {
    purpose: 'backup',
    applicationName: `stowage backup ${plan.timestamp} content ${content} count`,
    signal,
  });
  const watch = {
    own: { pids: [session.pid] },
    limitMs: lockWaitMs(context.config),
    advice: BACKUP_ADVICE,
  };
  try {
    await withLockWatch(target, watch, signal, async (stop) => {
      using _ = onAbort(stop, () => void session.destroy());
      await requireRows(session, few);
    });
  } finally {
    await session.close();
  }
}
