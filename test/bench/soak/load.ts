import { randomBytes } from 'node:crypto';
import { formatKey, type Key } from '../../../backup-set/base/keys.ts';
import { instantOf, timestampOf } from '../../../backup-set/base/timestamps.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { documentsOf, storeAll, storeObjects } from '../../integration/functions/sets.ts';

const CONTENTS = [0, 1];
const HOUR_MS = 3_600_000;
const FIRST = Date.UTC(2026, 0, 1);
/** A sender puts a few records into a request. */
const KEYS_PER_REQUEST = 20;
const REQUEST_MS_MAX = 30_000;

/** Stores complete sets, one per hour. @returns their timestamps. */
export async function storeSets(store: ObjectStore, count: number): Promise<string[]> {
  const timestamps = Array.from({ length: count }, (_, index) =>
    timestampOf(new Date(FIRST + index * HOUR_MS)),
  );
  for (const timestamp of timestamps) {
    const set = await storeObjects(store, { timestamp, contents: CONTENTS });
    await storeAll(store, documentsOf(set));
  }
  return timestamps;
}

/**
 * One request as a sender of notifications makes it: keys of existing sets, a verdict that opens
 * its set for the next sweep, a set that does not exist, and a key that is not ours.
 */
export async function sendEvents(url: string, timestamps: readonly string[], turn: number) {
  const of = (index: number) => timestamps[(turn + index) % timestamps.length] ?? '';
  const keys = Array.from({ length: KEYS_PER_REQUEST }, (_, index) =>
    keyOf(index, of(index), turn),
  );
  const Records = keys.map((key) => ({
    eventVersion: '2.2',
    eventSource: 'ceph:s3',
    eventName: 'ObjectCreated:Put',
    s3: { bucket: { name: 'any' }, object: { key } },
  }));
  await ask(`${url}/events`, { method: 'POST', body: JSON.stringify({ Records }) });
}

function keyOf(index: number, timestamp: string, turn: number): string {
  const at = new Date(FIRST + turn * 1000);
  const receipt = { content: 0, attempt: 1, worker: 1, sequence: 1 + (index % 9) };
  const keys: readonly Key[] = [
    { kind: 'seal', timestamp },
    { kind: 'receipt', timestamp, ...receipt },
    { kind: 'manifest', timestamp },
    // No such verdict is stored: its key alone opens the set for the next sweep.
    { kind: 'verdict', timestamp, level: 'validate', instant: instantOf(at) },
    // Its job fails: there is no such task.
    { kind: 'slice-order', task: `${instantOf(at)}-${timestamp}-verify`, slice: 0 },
    { kind: 'manifest', timestamp: timestampOf(new Date(FIRST - turn * 1000)) },
  ];
  const key = keys[index % (keys.length + 1)];
  return key === undefined ? `elsewhere/${randomBytes(20).toString('hex')}` : formatKey(key);
}

/** What Prometheus and a load balancer ask for. */
export async function scrape(url: string): Promise<void> {
  for (const path of ['/metrics', '/healthz']) await ask(`${url}${path}`, {});
}

async function ask(url: string, init: RequestInit): Promise<void> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_MS_MAX) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text.slice(0, 200)}`);
}
