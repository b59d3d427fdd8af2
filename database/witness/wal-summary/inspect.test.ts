import { expect, test } from 'vitest';
import { missingIn } from './inspect.ts';

const able = {
  ...{ number: 170_010, version: '17.10', role: 'bac"kup', summarizes: 'on', walLevel: 'replica' },
  ...{ fsync: 'on', mayCheckpoint: true, mayRead: true },
};

test('nothing is missing on a server that summarizes its WAL for a role with rights', () => {
  expect(missingIn(able)).toBeUndefined();
});

test('what is missing is named with the commands that give it', () => {
  expect(missingIn({ ...able, number: 150_004, version: '15.4' })).toMatchObject({
    unsupported: true,
  });
  const all = { summarizes: 'off', walLevel: 'minimal', fsync: 'off' };
  const missing = missingIn({ ...able, ...all, mayCheckpoint: false, mayRead: false });
  for (const command of [
    'ALTER SYSTEM SET wal_level = replica',
    'ALTER SYSTEM SET summarize_wal = on',
    'ALTER SYSTEM SET fsync = on',
    'GRANT pg_checkpoint TO "bac""kup"',
    'GRANT EXECUTE ON FUNCTION pg_available_wal_summaries(), pg_wal_summary_contents(bigint, pg_lsn, pg_lsn), pg_stat_file(text, boolean) TO "bac""kup"',
  ])
    expect(missing?.unavailable).toContain(command);
});
