import type { Measured } from './contenders.ts';

/** The promise of docs/operations.md; more is said loudly. */
const SHIPPER_BYTES_MAX = 256 * 1024 * 1024;

/** One way of doing one thing: medians over the rounds. */
export interface Line {
  readonly what: string;
  readonly megabytesPerSecond: number;
  readonly clientCpuSecondsPerGb: number;
  readonly serverCpuSecondsPerGb: number;
  readonly shipperPeakMib: number | undefined;
  /** Wall and client CPU over those of the baseline in the same run; 1 for a baseline itself. */
  readonly wallRatio: number;
  readonly clientCpuRatio: number;
  readonly totalCpuRatio: number;
}

export function lineOf(
  what: string,
  bytes: number,
  runs: readonly Measured[],
  baseline: readonly Measured[],
): Line {
  const [wallMs, clientMs, serverMs] = mediansOf(runs);
  const [baseWallMs, baseClientMs, baseServerMs] = mediansOf(baseline);
  const peaks = runs.flatMap(({ shipperPeakBytes }) => shipperPeakBytes ?? []);
  return {
    what,
    megabytesPerSecond: bytes / 1e6 / (wallMs / 1000),
    clientCpuSecondsPerGb: clientMs / 1000 / (bytes / 1e9),
    serverCpuSecondsPerGb: serverMs / 1000 / (bytes / 1e9),
    shipperPeakMib: peaks.length === 0 ? undefined : Math.max(...peaks) / 1024 ** 2,
    wallRatio: wallMs / baseWallMs,
    clientCpuRatio: clientMs / baseClientMs,
    totalCpuRatio: (clientMs + serverMs) / (baseClientMs + baseServerMs),
  };
}

export function tableOf(lines: readonly Line[]): string {
  const head =
    '| | MB/s | client CPU s/GB | PostgreSQL CPU s/GB | shipper peak MiB | wall × | client CPU × | all CPU × |\n|---|---|---|---|---|---|---|---|';
  const rows = lines.map((line) =>
    [
      line.what,
      line.megabytesPerSecond.toFixed(0),
      line.clientCpuSecondsPerGb.toFixed(1),
      line.serverCpuSecondsPerGb.toFixed(1),
      line.shipperPeakMib?.toFixed(0) ?? '–',
      line.wallRatio.toFixed(2),
      line.clientCpuRatio.toFixed(2),
      line.totalCpuRatio.toFixed(2),
    ].join(' | '),
  );
  return [head, ...rows.map((row) => `| ${row} |`)].join('\n');
}

/** Loud words for every shipper that needed more memory than is promised. */
export function warningsOf(lines: readonly Line[]): string[] {
  return lines
    .filter(({ shipperPeakMib = 0 }) => shipperPeakMib * 1024 ** 2 > SHIPPER_BYTES_MAX)
    .map(
      ({ what, shipperPeakMib = 0 }) =>
        `TOO MUCH MEMORY: a shipper of "${what}" peaked at ${shipperPeakMib.toFixed(0)} MiB; 256 MiB are promised`,
    );
}

function mediansOf(runs: readonly Measured[]): [wallMs: number, clientMs: number, serverMs: number] {
  return [
    median(runs.map(({ wallMs }) => wallMs)),
    median(runs.map(({ clientCpuMs }) => clientCpuMs)),
    median(runs.map(({ serverCpuMs }) => serverCpuMs)),
  ];
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}
