import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { uploadsAtOnce } from './admission.ts';
import { placeOf } from './place.ts';

/** How many of ten uploads begin while none has ended. */
async function begunOf(nameOf: (at: number) => string): Promise<number> {
  const admit = uploadsAtOnce(4);
  const held = Promise.withResolvers<void>();
  let begun = 0;
  const all = Array.from({ length: 10 }, (_, at) =>
    admit(placeOf(`/data/${nameOf(at)}`), () => {
      begun += 1;
      return held.promise;
    }),
  );
  await turn();
  const found = begun;
  held.resolve();
  await Promise.all(all);
  expect(begun).toBe(10);
  return found;
}

test('uploads of tables wait for each other', async () => {
  expect(await begunOf((at) => `gpbackup_0_20260131120000_${16384 + at}.gz`)).toBe(4);
});

test('a stream with all tables of a segment waits for no other: they would wait for it', async () => {
  expect(await begunOf((at) => `gpbackup_${at}_20260131120000.zst`)).toBe(10);
});
