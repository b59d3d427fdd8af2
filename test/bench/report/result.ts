import type { RunResult, Usage } from '../measure/measure.ts';

/** A run of a contender in a round. */
export interface Row extends Usage {
  readonly contender: string;
  readonly round: number;
  readonly facts: NonNullable<RunResult['facts']>;
  readonly printed?: unknown;
}

/** The results of a scenario. */
export interface ScenarioResult {
  readonly name: string;
  /** What was measured, and on which data. */
  readonly title: string;
  /**
   * Bytes of COPY text of every contender, the divisor of "per GB" (10⁹ bytes). 0: no such figure.
   */
  readonly bytes: number;
  /** The contender by whose figures all others are divided. */
  readonly floor: string;
  readonly rows: readonly Row[];
  /** The output of a script, for a scenario without rows. */
  readonly text?: string;
  /** Stowage's own limits for this scenario. */
  readonly bars: readonly Bar[];
  /** Sentences for the reader: where contenders differ, which were skipped and why. */
  readonly notes: readonly string[];
}

/** A figure and its limit. */
export interface Bar {
  readonly what: string;
  readonly atMost: number;
  readonly unit: '×' | 's' | 's/GB' | 'MiB' | 'ms' | 'requests';
  /** Absent when it could not be measured. */
  readonly measured: number | undefined;
}

/** Medians of all rounds of a contender. */
export interface Medians extends Omit<Usage, 'store'> {
  readonly contender: string;
  readonly rounds: number;
  readonly requests: number;
  readonly storedBytes: number;
  readonly readBytes: number;
  readonly facts: Readonly<Record<string, number>>;
}

/** Medians in the order in which the contenders first ran. Peaks and `othersShare` are maxima. */
export function mediansOf(rows: readonly Row[]): Medians[] {
  return [...Map.groupBy(rows, ({ contender }) => contender)].map(([contender, own]) => {
    const of = (pick: (row: Row) => number) => median(own.map(pick));
    const names = new Set(own.flatMap(({ facts }) => Object.keys(facts)));
    return {
      contender,
      rounds: own.length,
      wallSeconds: of((row) => row.wallSeconds),
      clientSeconds: of((row) => row.clientSeconds),
      databaseSeconds: of((row) => row.databaseSeconds),
      programSeconds: of((row) => row.programSeconds),
      totalSeconds: of((row) => row.totalSeconds),
      storeSeconds: of((row) => row.storeSeconds),
      interruptSeconds: of((row) => row.interruptSeconds),
      othersShare: Math.max(...own.map((row) => row.othersShare)),
      clientPeakBytes: Math.max(...own.map((row) => row.clientPeakBytes)),
      shipperPeakBytes: Math.max(...own.map((row) => row.shipperPeakBytes)),
      programPeakBytes: Math.max(...own.map((row) => row.programPeakBytes)),
      requests: of((row) =>
        Object.values(row.store?.requests ?? {}).reduce((sum, count) => sum + count, 0),
      ),
      // A contender that counts its own bytes writes to a local disk.
      storedBytes: of((row) => row.facts['storedBytes'] ?? row.store?.bytesIn ?? 0),
      readBytes: of((row) => row.store?.bytesOut ?? 0),
      facts: Object.fromEntries(
        [...names].map((name) => [name, of((row) => row.facts[name] ?? 0)]),
      ),
    };
  });
}

/** The median; NaN for an empty list. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (
    ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2
  );
}

/** The median of a contender divided by that of a peer; undefined when one of them did not run. */
export function ratioOf(
  rows: readonly Row[],
  contender: string,
  peer: string,
  of: 'totalSeconds' | 'wallSeconds' | 'clientSeconds',
): number | undefined {
  const medians = mediansOf(rows);
  const [ours, theirs] = [contender, peer].map(
    (name) => medians.find((one) => one.contender === name)?.[of],
  );
  return ours === undefined || theirs === undefined || theirs === 0 ? undefined : ours / theirs;
}
