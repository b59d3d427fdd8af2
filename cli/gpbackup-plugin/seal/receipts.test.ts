import { expect, test } from 'vitest';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { Plugin } from '../store-file.ts';
import { storedReceipts } from './receipts.ts';

const timestamp = '20260131120000';
const key = formatKey({
  ...{ kind: 'receipt', timestamp, content: 0, attempt: 1, worker: 0, sequence: 1 },
});

test('an object that the store does not give away is a receipt that cannot be read', async () => {
  const store: Partial<ObjectStore> = {
    list: async function* () {
      yield { key, bytes: 1, etag: 'x', modifiedAt: new Date(0) };
    },
    // As S3 answers about an object that its writer has encrypted with a key of its own.
    read: () => Promise.reject(new StowageError('storage/denied', 'withheld')),
  };
  const plugin = { store, stored: new Map() } as unknown as Plugin;
  const { receipts, unreadable } = await storedReceipts(plugin, timestamp);
  expect(unreadable).toEqual([{ key, why: 'withheld' }]);
  expect(receipts.size).toBe(0);
});
