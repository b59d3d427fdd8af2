import { expect, test } from 'vitest';
import { live } from './live.ts';

const LIFETIMES_MAX = 60;

test('a lifetime in which programs see no marks of other programs loses objects', async () => {
  const wrap: Parameters<typeof live>[1] = {
    wrap: (store) => ({
      ...store,
      async *list(prefix, options) {
        const hides = prefix.endsWith('/retention/');
        for await (const found of store.list(prefix, options)) if (!hides) yield found;
      },
    }),
  };
  let message = 'nothing was detected';
  for (let seed = 1; seed <= LIFETIMES_MAX && message.startsWith('nothing'); seed += 1)
    await live(seed, wrap).catch((error: Error) => {
      message = error.message;
    });
  expect(message).toMatch(/is held, and was removed|needs .* which was removed|lost|nothing needs/);
}, 600_000);
