import { expect, test } from 'vitest';
import { missingIn } from './postgres.ts';

const able = { role: 'backup', version: 150_004, mayCheckpoint: true, mayStat: true };

test('nothing is missing for a role that may write a checkpoint and see the times of files', () => {
  expect(missingIn(able)).toBeUndefined();
});

test('what is missing is named with the commands that give it', () => {
  const unable = { ...able, mayCheckpoint: false, mayStat: false };
  expect(missingIn(unable)).toContain('GRANT pg_checkpoint TO backup');
  expect(missingIn(unable)).toContain('GRANT EXECUTE ON FUNCTION pg_stat_file(text, boolean)');
  const old = { ...able, version: 140_009, mayCheckpoint: false };
  expect(missingIn(old)).toContain('only a superuser may');
});
