import { expect, test } from 'vitest';
import { encode } from '../../backup-set/base/document.ts';
import { BackupReport } from '../../backup-set/documents/agents.ts';
import { place, plan } from '../../backup-set/testing/small-set.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { addAgentReport } from './reports.ts';
import { newTally } from './tally.ts';

/** More than the arguments that one call takes. */
const RELATIONS = 200_000;

test('addAgentReport adds all of two hundred thousand relations', async () => {
  const relations = Array.from({ length: RELATIONS }, (_, relation) => ({
    relation,
    attempt: 1,
    rows: 1,
    bytes: 2,
  }));
  const bytes = encode(BackupReport, {
    format: 'stowage/backup-report',
    version: 1,
    timestamp: plan.timestamp,
    content: place.content,
    status: 'shipped',
    finishedAt: plan.startedAt,
    receipts: [],
    relations,
    totals: { rows: RELATIONS, bytes: 2 * RELATIONS, storedBytes: 1 },
    peakMemoryBytes: 1,
  });
  const store = { read: () => Promise.resolve(bytes) } as unknown as ObjectStore;
  const tally = newTally(plan).contents.get(place.content);
  if (tally === undefined) throw new Error('no such content');
  await addAgentReport(store, plan.timestamp, tally);
  expect(tally.relations).toHaveLength(RELATIONS);
  expect(tally.relations.at(-1)).toEqual(relations.at(-1));
});
