import { expect, test } from 'vitest';
import { formatKey, parseKey } from '../../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { live } from './live.ts';

const LIFETIMES_MAX = 60;

/** Lives lifetimes with this store until a rule is violated. @returns which one. */
async function violated(wrap: (store: ObjectStore) => ObjectStore): Promise<string> {
  for (let seed = 1; seed <= LIFETIMES_MAX; seed += 1)
    try {
      await live(seed, { wrap });
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  return 'nothing was detected';
}

test('a lifetime in which programs see no marks of other programs loses objects', async () => {
  const message = await violated((store) => ({
    ...store,
    async *list(prefix, options) {
      const hides = prefix.endsWith('/retention/');
      for await (const found of store.list(prefix, options)) if (!hides) yield found;
    },
  }));
  expect(message).toMatch(/is held, and was removed|needs .* which was removed|lost|nothing needs/);
}, 600_000);

test('a lifetime in which the key of an expired set goes with its documents loses a needed key', async () => {
  const message = await violated((store) => ({
    ...store,
    delete: (keys, options) => store.delete([...keys, ...keys.flatMap(setKeyBeside)], options),
  }));
  expect(message).toMatch(/has a manifest, and lost \S+\/keys\//);
}, 600_000);

/** A removal takes the seal of a set with its other documents. */
function setKeyBeside(key: string): string[] {
  const parsed = parseKey(key);
  if (parsed?.kind !== 'seal') return [];
  const { timestamp } = parsed;
  return [formatKey({ kind: 'set-key', timestamp, instant: `${timestamp}000` })];
}
