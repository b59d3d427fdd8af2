import { expect, test } from 'vitest';
import { lockRoom } from './lock-table.ts';

/** The defaults of PostgreSQL 15, whose table was measured to take 12,750 locks. */
const DEFAULTS = {
  max_locks_per_transaction: 64,
  max_connections: 100,
  max_prepared_transactions: 0,
  autovacuum_max_workers: 3,
  max_worker_processes: 8,
  max_wal_senders: 10,
};

test.each([
  [7_000, 'enough'],
  [12_750, 'tight'],
  [50_000, 'none'],
] as const)('a server with default settings has room for %i locks: %s', (needed, verdict) => {
  expect(lockRoom(needed, DEFAULTS)).toMatchObject({ room: 7_808, verdict });
});

test('the setting that it proposes gives enough room', () => {
  const { settingNeeded } = lockRoom(150_000, DEFAULTS);
  const settings = { ...DEFAULTS, max_locks_per_transaction: settingNeeded };
  expect(lockRoom(150_000, settings).verdict).toBe('enough');
  expect(settingNeeded).toBeGreaterThan(1_000);
});
