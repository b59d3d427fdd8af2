/**
 * Writes the root of the console's bench: 200 sets of 10,000 tables in 1,000 segments, of which the
 * newest has its 1,000 parts. `node test/bench/console/generate.ts FOLDER [sets contents tables]`
 */
import { timestampOf } from '../../../backup-set/base/timestamps.ts';
import { writeComplete, writePlan } from '../../support/console/sets.ts';
import { HOSTILE, tableNames } from '../../support/console/small-root.ts';

const DAY_MS = 24 * 3600_000;

export interface BenchSize {
  readonly sets: number;
  readonly contents: number;
  readonly tables: number;
}

/** @returns the bytes of documents that were written. */
export async function writeBenchRoot(folder: string, size: BenchSize): Promise<number> {
  const { sets, contents } = size;
  const tables = [
    ...tableNames(size.tables - HOSTILE.length),
    ...HOSTILE.map((name) => ({ schema: 'public', name })),
  ];
  const now = Date.now();
  let bytes = 0;
  let base: string | undefined;
  for (let age = sets - 1; age >= 0; age -= 1) {
    const timestamp = timestampOf(new Date(now - age * DAY_MS - 3600_000));
    const growth = 1 - age / (2 * sets);
    const withoutParts = age > 0;
    const set = { timestamp, contents, tables, growth, withoutParts };
    bytes += await writeComplete(folder, { ...set, ...(base !== undefined && { base }) });
    if (age % 7 === 1) base = timestamp;
  }
  const timestamp = timestampOf(new Date(now - 600_000));
  await writePlan(folder, { timestamp, contents, tables, growth: 1 });
  return bytes;
}
