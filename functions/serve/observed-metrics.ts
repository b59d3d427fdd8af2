import { Counter, Gauge, type Registry } from 'prom-client';
import type { AnnounceOutcome } from '../announce/announcer.ts';
import type { Event } from '../observe/events.ts';
import type { Observed } from '../observe/observer.ts';
import { isComplete, newestCompleteByDatabase } from '../observe/overdue.ts';
import type { SeenSet, SetFacts } from '../observe/seen-set.ts';

/** What of the last complete set of a database is a metric. */
const OF_LAST_SET: Readonly<Record<string, readonly [help: string, of: (f: SetFacts) => number]>> =
  {
    stowage_last_set_rows: ['Rows of the newest complete set', ({ rows }) => rows],
    stowage_last_set_bytes: ['Bytes of its rows, as COPY sends them', ({ bytes }) => bytes],
    stowage_last_set_stored_bytes: ['Bytes that it uses in the store', (f) => f.storedBytes],
    stowage_last_set_new_bytes: ['Bytes that it added to the store', (f) => f.newBytes],
    stowage_last_set_seconds: ['Time its backup took', ({ ms }) => ms / 1000],
    stowage_last_set_tables: ['Tables of the newest complete set', ({ tables }) => tables],
    stowage_last_set_encrypted: [
      'Whether the newest complete set is encrypted: 1, else 0',
      ({ encrypted }) => (encrypted ? 1 : 0),
    ],
    stowage_last_set_read_tables: ['Tables that its backup read', ({ readTables }) => readTables],
  };

/** Which newest set of a database has an age as a metric. */
export const KINDS_OF_AGE = ['complete', 'verified', 'copied', 'drilled'] as const;
type KindOfAge = (typeof KINDS_OF_AGE)[number];

/** Databases with metrics of their own: bounds the number of series, whatever is in the bucket. */
export const DATABASES_MAX = 100;

/** Entries of a schedule with a series of their own. */
const ENTRIES_MAX = 100;
/** Agents and runners with a series of their own. */
const HEARD_MAX = 1000;

export interface ObservedMetrics {
  set(observed: Observed): void;
  /** Events that are new since the last call count. */
  count(events: readonly Event[]): void;
}

/** Gauges per cluster and database, and counters of restores. */
export function observedMetrics(registers: Registry[], clock: () => Date): ObservedMetrics {
  const labelNames = ['cluster', 'database'];
  let last: readonly DatabaseState[] = [];
  let leftOut = 0;
  let entries: Observed['schedule'] = [];
  let heard: Observed['heard'] = [];
  let unreadable: number | undefined;
  const gauge = (name: string, help: string, labels: string[], collect: (g: Gauge) => void) =>
    new Gauge({
      name,
      help,
      labelNames: labels,
      registers,
      collect() {
        this.reset();
        collect(this);
      },
    });
  for (const [name, [help, of]] of Object.entries(OF_LAST_SET))
    gauge(name, help, labelNames, (metric) => {
      for (const { labels, facts } of last) if (facts) metric.set(labels, of(facts));
    });
  gauge(
    'stowage_last_set_warnings',
    'Warnings of the newest complete set: what is unusual about it',
    labelNames,
    (metric) => {
      for (const { labels, facts, warnings } of last) if (facts) metric.set(labels, warnings);
    },
  );
  gauge(
    'stowage_set_age_seconds',
    'Age of the newest set that is complete, verified, copied or drilled',
    [...labelNames, 'kind'],
    (metric) => {
      for (const { labels, newest } of last)
        for (const [kind, at] of newest)
          metric.set({ ...labels, kind }, (clock().getTime() - at.getTime()) / 1000);
    },
  );
  gauge(
    'stowage_databases_left_out',
    `Databases without metrics of their own: more than ${DATABASES_MAX} have sets`,
    [],
    (metric) => metric.set(leftOut),
  );
  gauge(
    'stowage_schedule_failing',
    'Whether the last run of an entry of the schedule failed, died or was missed: 1, else 0',
    ['entry'],
    (metric) => {
      for (const { entry, isFailing } of entries) metric.set({ entry }, isFailing ? 1 : 0);
    },
  );
  gauge(
    'stowage_last_heard_timestamp_seconds',
    'When an agent or a runner of the schedule was last heard, in seconds since 1970',
    ['role', 'name'],
    (metric) => {
      for (const { role, name, lastAt } of heard)
        metric.set({ role, name }, lastAt.getTime() / 1000);
    },
  );
  gauge(
    'stowage_unreadable_objects',
    'Objects that exist and that the last look went on without; the log names them',
    [],
    (metric) => {
      if (unreadable !== undefined) metric.set(unreadable);
    },
  );
  const counters = eventCounters(registers);
  return {
    set(observed) {
      const states = statesOf(observed);
      entries = observed.schedule.slice(0, ENTRIES_MAX);
      heard = observed.heard.slice(0, HEARD_MAX);
      unreadable = observed.unreadable.length;
      last = states.slice(0, DATABASES_MAX);
      leftOut = states.length - last.length;
      counters.know(observed.sets, last);
    },
    count: counters.count,
  };
}

type Labels = DatabaseState['labels'];
/** Of a set that was removed, or of a database without metrics of its own. */
const OTHER: Labels = { cluster: '', database: '' };

/** Counters by the cluster and database of the set that an event is about. */
function eventCounters(registers: Registry[]) {
  const labelNames = ['cluster', 'database'];
  const restores = new Counter({
    name: 'stowage_restores_total',
    help: 'Restores that ended while this server ran, by result and by the database of their set',
    labelNames: [...labelNames, 'result'],
    registers,
  });
  const warned = new Counter({
    name: 'stowage_set_warnings_total',
    help: 'Sets found unusual while this server ran',
    labelNames,
    registers,
  });
  let labelsOfSets: ReadonlyMap<string, Labels> = new Map();
  const begun = new Set<string>();
  /** Starts at 0: without it, increase() would not see the first event. */
  function begin(labels: Labels): void {
    const id = JSON.stringify(labels);
    if (begun.has(id)) return;
    begun.add(id);
    for (const result of ['restored', 'failed', 'refused']) restores.inc({ ...labels, result }, 0);
    warned.inc({ ...labels }, 0);
  }
  begin(OTHER);
  return {
    know(sets: readonly SeenSet[], shown: readonly DatabaseState[]): void {
      const own = new Map(shown.map(({ labels }) => [labels.database, labels]));
      labelsOfSets = new Map(
        sets.flatMap(({ timestamp, facts }) => {
          const labels = own.get(facts?.database ?? '');
          return labels === undefined ? [] : [[timestamp, labels]];
        }),
      );
      for (const { labels } of shown) begin(labels);
    },
    count(events: readonly Event[]): void {
      for (const { name, status = 'failed', set = '' } of events) {
        const labels = labelsOfSets.get(set) ?? OTHER;
        if (name === 'restore-done' || name === 'restore-failed')
          restores.inc({ ...labels, result: status });
        if (name === 'set-warnings') warned.inc({ ...labels });
      }
    },
  };
}

export function announcementMetrics(
  registers: Registry[],
  channels: readonly string[],
  waiting: () => number,
): (outcome: AnnounceOutcome) => void {
  const sent = new Counter({
    name: 'stowage_announcements_total',
    help: 'Tries to send an event through a channel, by result; failed: it was given up',
    labelNames: ['channel', 'result'],
    registers,
  });
  // Starts at 0: without it, increase() would not see the first failure.
  for (const channel of channels)
    for (const result of ['sent', 'retried', 'failed']) sent.inc({ channel, result }, 0);
  new Gauge({
    name: 'stowage_announcements_waiting',
    help: 'Events that a channel has not accepted yet, and that are tried again',
    registers,
    collect() {
      this.set(waiting());
    },
  });
  return ({ channel, result }) => sent.inc({ channel, result });
}

interface DatabaseState {
  readonly labels: { readonly cluster: string; readonly database: string };
  /** Of the newest complete set. */
  readonly facts: SetFacts | undefined;
  readonly warnings: number;
  readonly newest: ReadonlyMap<KindOfAge, Date>;
}

/** Ages count from the begin of the backup, as a restore gives back this moment. Pure. */
function statesOf({ sets, runs }: Observed): DatabaseState[] {
  const newest = newestCompleteByDatabase(sets);
  const states = [...newest].map(([database, complete]): DatabaseState => {
    const own = sets.filter(({ facts }) => facts?.database === database);
    const first = (is: (set: SeenSet) => boolean) => own.find(is)?.facts?.startedAt;
    const ages: readonly [KindOfAge, Date | undefined][] = [
      ['complete', complete.facts?.startedAt],
      ['verified', first((set) => has(set, 'verify') && isComplete(set))],
      ['copied', first(({ timestamp }) => runs.copies.has(timestamp))],
      ['drilled', first((set) => has(set, 'drill'))],
    ];
    return {
      labels: { cluster: complete.facts?.cluster ?? '', database },
      facts: complete.facts,
      warnings: complete.verdicts.findLast(({ level }) => level === 'validate')?.warningsTotal ?? 0,
      newest: new Map(ages.flatMap(([kind, at]) => (at === undefined ? [] : [[kind, at]]))),
    };
  });
  return states.toSorted((a, b) => (a.labels.database < b.labels.database ? -1 : 1));
}

/** A verdict of this level found the set complete. */
const has = ({ verdicts }: SeenSet, wanted: string) =>
  verdicts.some(({ level, status }) => level === wanted && status === 'complete');
