import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { missingIn } from '../../database/witness/wal-summary/inspect.ts';

test('operations.md names every right that WAL summaries need', async () => {
  const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const missing = missingIn({
    ...{ number: 170_000, version: '17', role: 'backup', summarizes: 'on', walLevel: 'replica' },
    ...{ fsync: 'on', mayCheckpoint: false, mayRead: false },
  });
  const grants = missing?.unavailable
    .match(/GRANT [^;]+/g)
    ?.map((grant) => grant.replaceAll('"', ''));
  expect(grants).toHaveLength(2);
  for (const grant of grants ?? []) expect(page).toContain(`${grant};`);
});
