import { Counter, type Registry } from 'prom-client';
import type { OnExpired } from '../retention/schedule.ts';

/** Metrics of scheduled expiry; absent where no rules of retention are configured. */
export function expiryMetrics(registers: Registry[]): OnExpired {
  const counter = (name: string, help: string) => new Counter({ name, help, registers });
  const runs = new Counter({
    name: 'stowage_expiries_total',
    help: 'Scheduled runs of expiry by this server, by result',
    labelNames: ['result'],
    registers,
  });
  for (const result of ['done', 'failed']) runs.inc({ result }, 0);
  const expired = counter('stowage_expired_sets_total', 'Sets that got a tombstone');
  const objects = counter('stowage_expired_objects_total', 'Objects that expiry removed');
  const bytes = counter('stowage_expired_bytes_total', 'Bytes of the objects that expiry removed');
  return (ended) => {
    runs.inc({ result: 'failed' in ended ? 'failed' : 'done' });
    if ('failed' in ended) return;
    expired.inc(ended.expired.length);
    objects.inc(ended.objects + ended.leftovers.objects);
    bytes.inc(ended.bytes);
  };
}
