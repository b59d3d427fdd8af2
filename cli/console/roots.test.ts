import { expect, it } from 'vitest';
import { openStore } from '../../storage/open.ts';
import { Config } from '../config/schema.ts';
import { openConsoleRoots } from './roots.ts';

const BASE = {
  cluster: 'shop',
  root: 'file:///backup/shop',
  database: 'orders',
  segments: [{ content: 0, host: 'db0' }],
};
const open = async (console: object | undefined) => {
  const config = Config.parse({ ...BASE, ...(console && { console }) });
  return openConsoleRoots(config, await openStore({ root: config.root }));
};

it('without `console` in the configuration there is no console', async () => {
  await using roots = await open(undefined);
  expect(roots.shown).toBeUndefined();
});

it('the console shows the root of the configuration first, then its other roots by name or URL', async () => {
  await using roots = await open({
    roots: [
      'file:///backup/billing',
      { root: 's3://copies/shop', name: 'copy', region: 'eu-north-1' },
    ],
  });
  expect(roots.shown?.map(({ name, store }) => [name, store.url])).toEqual([
    ['shop', 'file:///backup/shop'],
    ['file:///backup/billing', 'file:///backup/billing'],
    ['copy', 's3://copies/shop'],
  ]);
});

it('a misspelt field of `console` is refused', () => {
  expect(Config.safeParse({ ...BASE, console: { root: [] } }).success).toBe(false);
  expect(Config.safeParse({ ...BASE, console: { roots: [{ url: 's3://x' }] } }).success).toBe(
    false,
  );
});
