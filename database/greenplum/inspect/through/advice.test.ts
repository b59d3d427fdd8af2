import { expect, test } from 'vitest';
import { adviseThrough } from './advice.ts';

const check = { of: 'content 0', name: 'utility session', ok: false, detail: 'no line matches' };

test('a segment that refuses sessions makes doctor recommend the backup through the coordinator', () => {
  const [advice] = adviseThrough([{ ...check, ok: true }, check]);
  expect(advice).toMatchObject({ name: 'through coordinator', ok: true, remark: true });
  expect(advice?.detail).toContain('without: utility session of content 0');
});

test('a role that may read and not lock makes doctor recommend it, and one that may not read does not', () => {
  const rights = (detail: string) => adviseThrough([{ ...check, name: 'rights', detail }]);
  expect(rights('it cannot lock 3 tables in SHARE')).toHaveLength(1);
  expect(rights('it cannot read 3 tables')).toEqual([]);
});

test('nothing is recommended where all checks pass', () => {
  expect(adviseThrough([{ ...check, ok: true }])).toEqual([]);
});
