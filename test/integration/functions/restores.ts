import { encode, FORMAT_VERSION } from '../../../backup-set/base/document.ts';
import { formatKey, type Phase } from '../../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { RestoreCounts } from '../../../backup-set/documents/restore/found.ts';
import { RestoreReceipt, RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { doneReceipt } from '../../../backup-set/testing/done-receipt.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { SmallSet } from './sets.ts';

const AT = '2026-02-01T00:00:00.000Z';

/** Stores a request for a set; @returns its key. */
export async function storeRequest(
  store: ObjectStore,
  set: Pick<SmallSet, 'timestamp' | 'contents'>,
  id: string,
  changes: Partial<RestoreRequest> = {},
): Promise<string> {
  const key = formatKey({ kind: 'restore-request', restore: id });
  const request: RestoreRequest = {
    format: 'stowage/restore-request',
    version: FORMAT_VERSION,
    id,
    requestedAt: AT,
    timestamp: set.timestamp,
    target: {
      flavour: 'shards',
      database: 'places',
      contents: set.contents.map((content) => ({ content, host: `new-${content}`, port: 5432 })),
    },
    selection: EVERYTHING,
    mode: 'create',
    verify: true,
    globals: false,
    noOwner: false,
    resize: false,
    agents: false,
    count: false,
    ...changes,
  };
  await store.create(key, encode(RestoreRequest, request));
  return key;
}

/** Stores the counts of the command line, for the tables of three contents; @returns the key. */
export async function storeCounts(
  store: ObjectStore,
  id: string,
  changes: Partial<RestoreCounts> = {},
): Promise<string> {
  const key = formatKey({ kind: 'restore-counts', restore: id });
  const counts: RestoreCounts = {
    format: 'stowage/restore-counts',
    version: FORMAT_VERSION,
    id,
    countedAt: AT,
    relations: 9,
    rows: 0,
    problemsTotal: 0,
    problems: [],
    ...changes,
  };
  await store.create(key, encode(RestoreCounts, counts));
  return key;
}

/** Stores the receipt of a segment; @returns its key. */
export async function storeReceipt(
  store: ObjectStore,
  id: string,
  phase: Phase,
  content: number,
  changes: Partial<RestoreReceipt> = {},
): Promise<string> {
  const key = formatKey({ kind: 'restore-receipt', restore: id, phase, content });
  const relations =
    phase === 'data'
      ? [
          { schema: 'public', name: 'place', rows: 800 },
          { schema: 'Odd "one"', name: 'a.b', rows: 7 },
          { schema: 'public', name: 'empty', rows: 0 },
        ]
      : [];
  const receipt = { ...doneReceipt({ id, phase, content }, relations), ...changes };
  await store.create(key, encode(RestoreReceipt, receipt));
  return key;
}
