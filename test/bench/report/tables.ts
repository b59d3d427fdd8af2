import { type Bar, type Medians, mediansOf, type Row, type ScenarioResult } from './result.ts';

/** Medians and their ratios to the floor. CPU is per GB of COPY text if the scenario has bytes. */
export function mediansTable({ rows, bytes, floor }: ScenarioResult): string {
  const medians = mediansOf(rows);
  const base = medians.find(({ contender }) => contender === floor);
  const gigabytes = bytes === 0 ? 1 : bytes / 1e9;
  const unit = bytes === 0 ? 's' : 's/GB';
  const per = (seconds: number) => (seconds / gigabytes).toFixed(2);
  return table(
    [
      '',
      `database, ${unit}`,
      `server programs, ${unit}`,
      `client, ${unit}`,
      `all CPU, ${unit}`,
      'wall, s',
      'all CPU ÷ floor',
      'wall ÷ floor',
      'client peak, MiB',
      'server programs peak, MiB',
      'requests',
      'stored, MB',
      'read, MB',
      'other processes, %',
    ],
    medians.map((one) => [
      one.contender,
      per(one.databaseSeconds),
      per(one.programSeconds),
      per(one.clientSeconds),
      per(one.totalSeconds),
      one.wallSeconds.toFixed(2),
      ratio(one, base, 'totalSeconds'),
      ratio(one, base, 'wallSeconds'),
      clientPeak(one),
      mebibytes(one.programPeakBytes),
      one.requests === 0 ? '–' : String(one.requests),
      megabytes(one.storedBytes),
      megabytes(one.readBytes),
      (one.othersShare * 100).toFixed(0),
    ]),
  );
}

/** Every run, in measured CPU seconds. */
export function rowsTable(rows: readonly Row[]): string {
  return table(
    [
      '',
      'round',
      'database',
      'server programs',
      'client',
      'store',
      'interrupts',
      'wall',
      'other processes, %',
    ],
    rows.map((row) => [
      row.contender,
      String(row.round),
      row.databaseSeconds.toFixed(2),
      row.programSeconds.toFixed(2),
      row.clientSeconds.toFixed(2),
      row.storeSeconds.toFixed(2),
      row.interruptSeconds.toFixed(2),
      row.wallSeconds.toFixed(2),
      (row.othersShare * 100).toFixed(0),
    ]),
  );
}

export function barsTable(bars: readonly Bar[]): string {
  return table(
    ['bar', 'at most', 'measured', ''],
    bars.map(({ what, atMost, unit, measured }) => [
      what,
      `${atMost} ${unit}`,
      measured === undefined ? '–' : `${measured.toFixed(measured < 10 ? 2 : 0)} ${unit}`,
      measured === undefined ? 'not measured' : measured <= atMost ? 'met' : '**missed**',
    ]),
  );
}

function clientPeak({ clientPeakBytes, shipperPeakBytes }: Medians): string {
  const shipper = shipperPeakBytes === 0 ? '' : ` (largest shipper ${mebibytes(shipperPeakBytes)})`;
  return `${mebibytes(clientPeakBytes)}${shipper}`;
}

function ratio(
  one: Medians,
  base: Medians | undefined,
  of: 'totalSeconds' | 'wallSeconds',
): string {
  return base === undefined || base[of] === 0 ? '–' : (one[of] / base[of]).toFixed(2);
}

const mebibytes = (bytes: number) => (bytes === 0 ? '–' : (bytes / 1024 ** 2).toFixed(0));
const megabytes = (bytes: number) =>
  bytes === 0 ? '–' : (bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  // An unescaped pipe in the name of a contender would end the cell.
  const cells = [head, head.map(() => '---'), ...rows].map((row) =>
    row.map((cell) => cell.replaceAll('|', '\\|')),
  );
  return cells.map((row) => `| ${row.join(' | ')} |`).join('\n');
}
