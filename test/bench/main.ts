/**
 * `npm run bench`: backup and restore of real rows beside `psql | zstd` of the same rows, in turns on the same machine.
 * Arguments: --megabytes 2000 --tables 4 --workers 4 --rounds 2 --ceph --json.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { backup, copyIn, copyOut, type Measured, restore } from './contenders.ts';
import { makePlace, type Place, type Size } from './place.ts';
import { lineOf, tableOf, warningsOf } from './report.ts';

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '2000' },
    tables: { type: 'string', default: '4' },
    workers: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '2' },
    ceph: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const size: Size = {
  megabytes: wholeNumber('megabytes'),
  tables: wholeNumber('tables'),
  workers: wholeNumber('workers'),
  isCeph: values.ceph,
};
const rounds = wholeNumber('rounds');

const place = await makePlace(size, say);
try {
  const runs = await measureAll(place);
  const { bytes, storedBytes } = runs;
  const lines = [
    lineOf('psql COPY TO, zstd -1, to a file', bytes, runs.copyOut, runs.copyOut),
    lineOf('stowage backup', bytes, runs.backup, runs.copyOut),
    lineOf('zstd -dc, psql COPY FROM', bytes, runs.copyIn, runs.copyIn),
    lineOf('stowage restore --no-verify', bytes, runs.unverified, runs.copyIn),
    lineOf('stowage restore', bytes, runs.verified, runs.copyIn),
  ];
  const about = `${(bytes / 1e9).toFixed(2)} GB of COPY text in ${size.tables} tables, ${size.workers} workers, stored ${(storedBytes / 1e9).toFixed(2)} GB in ${place.storeName}; medians of ${rounds} rounds; ${cpus().length} cores (${cpus()[0]?.model ?? '?'}), Node ${process.version}`;
  const warnings = warningsOf(lines);
  const report = values.json
    ? JSON.stringify({ about, bytes, storedBytes, ...size, rounds, lines, warnings })
    : [about, '', tableOf(lines), ...warnings].join('\n');
  process.stdout.write(`${report}\n`);
} finally {
  await place.remove();
}

async function measureAll(place: Place) {
  const copiedOut: Measured[] = [];
  const backups: Measured[] = [];
  const copiedIn: Measured[] = [];
  const unverified: Measured[] = [];
  const verified: Measured[] = [];
  let totals = { timestamp: '', bytes: 0, storedBytes: 0 };
  for (let round = 1; round <= rounds; round++) {
    say(`round ${round} of ${rounds}: out`);
    copiedOut.push(await copyOut(place, size.workers));
    const run = await backup(place);
    backups.push(run);
    totals = run.result as typeof totals;
  }
  for (let round = 1; round <= rounds; round++) {
    say(`round ${round} of ${rounds}: in`);
    copiedIn.push(await copyIn(place, size.workers));
    unverified.push(await restore(place, totals.timestamp, ['--no-verify']));
    verified.push(await restore(place, totals.timestamp, []));
  }
  return { ...totals, copyOut: copiedOut, backup: backups, copyIn: copiedIn, unverified, verified };
}

function wholeNumber(name: 'megabytes' | 'tables' | 'workers' | 'rounds'): number {
  const number = Number(values[name]);
  if (!Number.isInteger(number) || number < 1)
    throw new Error(`--${name} takes a whole number above 0, not ${values[name]}`);
  return number;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
