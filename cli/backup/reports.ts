import { DOCUMENT_BYTES_MAX, decode } from '../../backup-set/base/document.ts';
import { ERRORS, type ErrorCode, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { BackupReport } from '../../backup-set/documents/agents.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ContentTally } from './tally.ts';

/**
 * Takes an agent's last word into account, also a failure's, so that the seal tells what there is.
 * @throws StowageError naming the content when its agent has failed, or says what cannot be read.
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
    throw new StowageError('set/unreadable', `${key}: its fields belong to another key`, {
      where: { content, object: key },
    });
  // Not all as arguments of one push: a stack takes some 125,000.
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
    message: 'its agent did not say why',
  };
  throw new StowageError(
    code in ERRORS ? (code as ErrorCode) : 'internal',
    `the agent of content ${content}: ${message}`,
    { where: { content } },
  );
}
