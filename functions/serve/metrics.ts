import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Trouble } from '../../async/watch/trouble.ts';
import { dateOf } from '../../backup-set/base/timestamps.ts';
import { storageRetries } from '../../storage/retries.ts';
import type { AnnounceOutcome } from '../announce/announcer.ts';
import type { JobResult } from '../deps.ts';
import type { JobQueue } from '../events/job-queue.ts';
import type { Job } from '../events/route.ts';
import type { SweepReport } from '../sweep/report.ts';
import type { SweepAttempt } from '../sweep/sweeper.ts';
import { type ExpiryEnded, expiryMetrics } from './expiry-metrics.ts';
import { announcementMetrics, type ObservedMetrics, observedMetrics } from './observed-metrics.ts';

/** The result of an event, or of a request without one. */
const EVENT_RESULTS = ['taken', 'ignored', 'dropped', 'refused', 'malformed'] as const;
export type EventResult = (typeof EVENT_RESULTS)[number];

export interface ServeMetrics {
  countEvents(result: EventResult, count?: number): void;
  /** Wraps `runJob` so that jobs are counted and timed. */
  measureJob(runJob: (job: Job) => Promise<JobResult>): (job: Job) => Promise<JobResult>;
  recordSweep(attempt: SweepAttempt): void;
  watchQueue(queue: Pick<JobQueue, 'counts'>): void;
  watchStore(trouble: () => Trouble | undefined, cluster?: string): void;
  /** Adds the metrics of scheduled expiry. */
  watchExpiry(cluster?: string): (ended: ExpiryEnded) => void;
  /** Sets of each database, and restores. */
  readonly observed: ObservedMetrics;
  /** Adds the metrics of announcements. */
  watchAnnouncements(
    channels: readonly string[],
    waiting: () => number,
  ): (outcome: AnnounceOutcome) => void;
  /** Every metric in the text format of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** Buckets: a job reads a few small documents, or thousands of them. */
const JOB_SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300];
const HOUR_MS = 3_600_000;

/** The metrics of one server, in their own registry. docs/deploy-self-hosted.md explains them. */
export function serveMetrics(clock: () => Date): ServeMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const events = new Counter({
    name: 'stowage_events_total',
    help: 'Events by result; a request that was refused or malformed counts as one event',
    labelNames: ['result'],
    registers,
  });
  const jobs = new Counter({
    name: 'stowage_jobs_total',
    help: 'Jobs that ended, by work and result',
    labelNames: ['work', 'result'],
    registers,
  });
  const seconds = new Histogram({
    name: 'stowage_job_seconds',
    help: 'Time a job took',
    labelNames: ['work'],
    buckets: JOB_SECONDS,
    registers,
  });
  const sweeps = new Counter({
    name: 'stowage_sweeps_total',
    help: 'Sweeps that ended, by result',
    labelNames: ['result'],
    registers,
  });
  // Starts at 0: without it, increase() would not see the first event of a kind.
  for (const result of EVENT_RESULTS) events.inc({ result }, 0);
  for (const result of ['done', 'failed']) sweeps.inc({ result }, 0);
  const gauges = sweepGauges(registers, clock);
  return {
    countEvents: (result, count = 1) => events.inc({ result }, count),
    measureJob: (runJob) => async (job) => {
      const end = seconds.startTimer({ work: job.work });
      let result = 'failed';
      try {
        const handled = await runJob(job);
        result = 'done';
        return handled;
      } finally {
        end();
        jobs.inc({ work: job.work, result });
      }
    },
    recordSweep(attempt) {
      sweeps.inc({ result: attempt.result.ok ? 'done' : 'failed' });
      gauges.set(attempt);
    },
    watchQueue: (queue) => queueGauges(registers, queue),
    watchStore(trouble, cluster = '') {
      storeGauge(registers, clock, trouble);
      retryCounters(registers, cluster);
    },
    watchExpiry: (cluster = '') => expiryMetrics(registers, cluster),
    observed: observedMetrics(registers, clock),
    watchAnnouncements: (...given) => announcementMetrics(registers, ...given),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function queueGauges(registers: Registry[], queue: Pick<JobQueue, 'counts'>): void {
  for (const state of ['waiting', 'running'] as const) {
    new Gauge({
      name: `stowage_queue_${state}`,
      help: `Jobs that are ${state}`,
      registers,
      collect() {
        this.set(queue.counts()[state]);
      },
    });
  }
}

function storeGauge(
  registers: Registry[],
  clock: () => Date,
  trouble: () => Trouble | undefined,
): void {
  new Gauge({
    name: 'stowage_storage_failing_seconds',
    help: 'Seconds since the store began to refuse this server or to give no answer; 0 while it works',
    registers,
    collect() {
      const since = trouble()?.since;
      this.set(since === undefined ? 0 : (clock().getTime() - since.getTime()) / 1000);
    },
  });
}

/** A server has one root, of one cluster. Its own requests are about all databases of it. */
function retryCounters(registers: Registry[], cluster: string): void {
  new Counter({
    name: 'stowage_storage_retries_total',
    help: 'Requests to the store that were sent again, by reason',
    labelNames: ['cluster', 'reason'],
    registers,
    collect() {
      const { throttled, failed } = storageRetries();
      this.reset();
      this.inc({ cluster, reason: 'throttled' }, throttled);
      this.inc({ cluster, reason: 'failed' }, failed);
    },
  });
  new Counter({
    name: 'stowage_storage_throttled_seconds_total',
    help: 'Time in which requests paused because the store asked for fewer requests',
    labelNames: ['cluster'],
    registers,
    collect() {
      this.reset();
      this.inc({ cluster }, storageRetries().throttledMs / 1000);
    },
  });
}

/** What the last successful sweep found; the gauges are absent before the first one. */
function sweepGauges(
  registers: Registry[],
  clock: () => Date,
): { set(attempt: SweepAttempt): void } {
  let last: SweepReport | undefined;
  const took = new Gauge({
    name: 'stowage_sweep_seconds',
    help: 'Time the last sweep took',
    registers,
  });
  took.remove();
  new Gauge({
    name: 'stowage_sets',
    help: 'Sets under the root by status, as the last sweep found them',
    labelNames: ['status'],
    registers,
    collect() {
      for (const [status, count] of Object.entries(last?.statuses ?? {}))
        this.set({ status }, count);
    },
  });
  new Gauge({
    name: 'stowage_sets_overdue',
    help: 'Unsealed sets without a new object for longer than allowed, at the last sweep',
    registers,
    collect() {
      if (last === undefined) this.remove();
      else this.set(last.overdue.length);
    },
  });
  new Gauge({
    name: 'stowage_sweep_problems',
    help: 'Sets, restores and tasks that the last sweep could not process; the log says why',
    registers,
    collect() {
      if (last === undefined) this.remove();
      // A restore whose shippers are gone waits without end, and is not a failure here.
      else this.set(last.problems.filter((one) => one.failed || one.restore === undefined).length);
    },
  });
  new Gauge({
    name: 'stowage_hours_since_complete_set',
    help: 'Hours since the backup of the newest complete set began; absent without a complete set',
    registers,
    collect() {
      if (last?.newestComplete === undefined) this.remove();
      else this.set((clock().getTime() - dateOf(last.newestComplete).getTime()) / HOUR_MS);
    },
  });
  return {
    set({ seconds, result }) {
      took.set(seconds);
      if (result.ok) last = result.value;
    },
  };
}
