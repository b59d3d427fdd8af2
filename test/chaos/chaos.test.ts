import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDirectory } from '../../storage/directory/directory.ts';
import { REPEATS } from '../support/repeats/repeats.ts';
import { simulate } from './simulate.ts';

/** The seed of a failure, to run that world again. */
const repeated = process.env['STOWAGE_CHAOS_SEED'];
const RUNS =
  repeated === undefined ? Number(process.env['STOWAGE_CHAOS_RUNS'] ?? (REPEATS ? 500 : 100)) : 1;
const FIRST = repeated === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(repeated);
/** Directory stores cost far more time, even in /dev/shm. */
const ON_DIRECTORIES = Math.min(RUNS, 20);
const FILES = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

test(`in ${RUNS} worlds from seed ${FIRST} every manifest has the expected bytes, is never written too early, and is written after one sweep at the latest`, async () => {
  const sum = { sets: 0, complete: 0, faults: 0, deliveries: 0 };
  for (let seed = FIRST; seed < FIRST + RUNS; seed += 1) {
    const { sets, counts } = await simulate(seed);
    sum.sets += sets.length;
    sum.complete += sets.filter(({ status }) => status === 'complete').length;
    sum.faults += counts.faults;
    sum.deliveries += counts.deliveries;
  }
  process.stderr.write(`chaos: ${JSON.stringify({ worlds: RUNS, ...sum })}\n`);
  expect(sum.complete).toBeGreaterThan(RUNS === 1 ? -1 : RUNS / 2);
}, 3_600_000);

test('a seed gives the same world on a directory store as in memory', async () => {
  const folder = await mkdtemp(join(FILES, 'stowage-chaos-'));
  try {
    for (let seed = FIRST; seed < FIRST + ON_DIRECTORIES; seed += 1) {
      const inMemory = await simulate(seed);
      const onFiles = await simulate(seed, { inner: openDirectory(join(folder, String(seed))) });
      expect(onFiles.counts).toEqual(inMemory.counts);
      expect(onFiles.objects).toEqual(inMemory.objects);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 600_000);
