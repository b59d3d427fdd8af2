import { DOCUMENT_BYTES_MAX, decode } from '../../backup-set/base/document.ts';
import { ERRORS, type ErrorCode, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { BackupReport } from '../../backup-set/documents/agents.ts';
import type { ObjectStore } from '../../storage/store.ts';
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
): Promise<void> {
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
  tally.objects += report.receipts.length;
  tally.rows = report.totals.rows;
  tally.bytes = report.totals.bytes;
  tally.storedBytes = report.totals.storedBytes;
  tally.peakMemoryBytes = report.peakMemoryBytes;
  if (report.status === 'shipped') return;
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
