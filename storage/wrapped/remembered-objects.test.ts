import { expect, it } from 'vitest';
import type { ObjectStore } from '../store.ts';
import { rememberedObjects } from './remembered-objects.ts';

/** A store whose chunks share one piece of memory, and the keys that were read from it. */
function watched(sizes: Readonly<Record<string, number>>) {
  const reads: string[] = [];
  const memory = Buffer.alloc(10);
  const store = {
    async *get(key: string) {
      reads.push(key);
      for (let at = 0; at < (sizes[key] ?? 0); at += 10) {
        memory.fill(`${at / 10}`);
        yield memory;
      }
    },
  } as Partial<ObjectStore> as ObjectStore;
  return { store, reads };
}

async function textOf(store: ObjectStore, key: string, range = {}): Promise<string> {
  let text = '';
  for await (const chunk of store.get(key, range)) text += Buffer.from(chunk).toString();
  return text;
}

it('an object that was read to its end is read once, whatever becomes of the memory of its chunks', async () => {
  const { store, reads } = watched({ a: 20 });
  const remembered = rememberedObjects(store, { isWanted: () => true, bytesMax: 20 });
  const whole = '00000000001111111111';
  expect([await textOf(remembered, 'a'), await textOf(remembered, 'a')]).toEqual([whole, whole]);
  expect(reads).toEqual(['a']);
});

it('an object that was read in part, is not wanted, or has no room left is read again', async () => {
  const { store, reads } = watched({ a: 20, b: 20, c: 20 });
  const isWanted = (key: string) => key !== 'c';
  const remembered = rememberedObjects(store, { isWanted, bytesMax: 30 });
  for await (const _ of remembered.get('a')) break;
  await textOf(remembered, 'a', { offset: 0 });
  for (const key of ['a', 'a', 'b', 'b', 'c', 'c']) await textOf(remembered, key);
  expect(reads).toEqual(['a', 'a', 'a', 'b', 'b', 'c', 'c']);
});
