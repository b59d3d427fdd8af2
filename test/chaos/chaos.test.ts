import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDirectory } from '../../storage/directory/directory.ts';
import { simulate } from './simulate.ts';

/** One world again: the seed that a failure named. */
const again = process.env['STOWAGE_CHAOS_SEED'];
const RUNS = again === undefined ? Number(process.env['STOWAGE_CHAOS_RUNS'] ?? 1000) : 1;
const FIRST = again === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(again);
/** On files, which cost many times as much, though these are in memory where there is such a folder. */
const ON_DIRECTORIES = Math.min(RUNS, 20);
const FILES = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

test(`${RUNS} worlds from seed ${FIRST}: the same manifests, none too early, all within a sweep`, async () => {
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

test('a world is the same on files as in memory, and the same again', async () => {
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
