import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { STORE_SERVERS } from '../setup/stores/servers.mjs';
import { readResults, storesTable } from './stores.ts';

test('docs/object-stores.md has the table that node infra/docs/stores.ts prints', async () => {
  const page = await readFile(new URL('../../docs/object-stores.md', import.meta.url), 'utf8');
  expect(page).toContain(`\n${storesTable(await readResults())}\n`);
});

test('the results are those of the versions that the setup builds, and every test passed', async () => {
  const results = await readResults();
  const versions = results.map(({ facts }) => facts.version);
  expect(versions).toEqual(expect.arrayContaining(STORE_SERVERS.map(({ version }) => version)));
  for (const { facts, suite } of results) expect(suite.passed, facts.name).toBe(suite.tests);
});
