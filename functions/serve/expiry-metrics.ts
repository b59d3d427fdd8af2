import { Counter, Gauge, type Registry } from 'prom-client';
import type { ExpirySummary } from '../../backup-set/documents/retention/expiry-summary.ts';

/** A run of expiry that has ended: of this server, or of a schedule. */
export type ExpiryEnded =
  | {
      readonly summary: ExpirySummary;
      readonly leftovers?: { readonly objects: number; readonly problems: readonly string[] };
      /** Of a run of this server. */
      readonly problems?: readonly unknown[];
      readonly unreadable?: readonly unknown[];
    }
  | { readonly failed: unknown };

/** Metrics of expiry; absent where neither rules of retention nor a schedule are configured. */
export function expiryMetrics(
  registers: Registry[],
  cluster: string,
): (ended: ExpiryEnded) => void {
  const labelNames = ['cluster', 'database'];
  const counter = (name: string, help: string) =>
    new Counter({ name, help, labelNames, registers });
  const runs = new Counter({
    name: 'stowage_expiries_total',
    help: 'Scheduled runs of expiry by this server or its schedule, by result',
    labelNames: ['cluster', 'result'],
    registers,
  });
  for (const result of ['done', 'failed']) runs.inc({ cluster, result }, 0);
  const expired = counter('stowage_expired_sets_total', 'Sets that got a tombstone');
  const objects = counter('stowage_expired_objects_total', 'Objects that expiry removed');
  const bytes = counter('stowage_expired_bytes_total', 'Bytes of the objects that expiry removed');
  // Starts at 0: without it, increase() would not see the first set.
  for (const one of [expired, objects, bytes]) one.inc({ cluster, database: '' }, 0);
  const left = new Gauge({
    name: 'stowage_expiry_problems',
    help: 'What the last run of expiry by this server left as it is, or could not read',
    labelNames: ['cluster'],
    registers,
  });
  return (ended) => {
    runs.inc({ cluster, result: 'failed' in ended ? 'failed' : 'done' });
    if ('failed' in ended) return;
    for (const { database, ...counts } of ended.summary.databases) {
      expired.inc({ cluster, database }, counts.expired);
      objects.inc({ cluster, database }, counts.objects);
      bytes.inc({ cluster, database }, counts.bytes);
    }
    objects.inc({ cluster, database: '' }, ended.leftovers?.objects ?? 0);
    if (ended.problems === undefined) return;
    const all = [ended.problems, ended.leftovers?.problems ?? [], ended.unreadable ?? []];
    left.set({ cluster }, all.flat().length);
  };
}
