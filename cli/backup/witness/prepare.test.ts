import { expect, test } from 'vitest';
import { prepareWitnesses } from './prepare.ts';

const witnesses = { walSummary: true, appendOptimized: true, fileStamp: true, waitSeconds: 1 };
/** No server listens there. */
const segments = [{ content: 0, host: '127.0.0.1', port: 1 }];

/** What was prepared of the server. */
async function preparedWith(change: object) {
  const backup = { carry: true, rereadAfter: '7d', snapshot: 'barrier', witnesses, ...change };
  const config = { flavour: 'shards', database: 'd', connection: { user: 'u' }, backup };
  const { signal } = new AbortController();
  const context = { config, env: {}, signal };
  return (await prepareWitnesses(context as never, segments)).contents.get(0);
}

test('a server that cannot be asked gives no witness, and says why for each kind', async () => {
  const prepared = await preparedWith({});
  expect(prepared?.map(({ kind, probe }) => [kind, probe])).toEqual([
    ['wal-summary', undefined],
    ['file-stamp', undefined],
  ]);
  for (const { unavailable } of prepared ?? []) expect(unavailable).toContain('127.0.0.1:1');
});

test('no server makes a checkpoint when no set is a base, or every table is always read', async () => {
  expect(await preparedWith({ carry: false })).toEqual([]);
  expect(await preparedWith({ rereadAfter: 0 })).toEqual([]);
  expect(await preparedWith({ snapshot: 'dispatch' })).toEqual([]);
});
