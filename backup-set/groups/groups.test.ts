import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeMembers, type GroupedSet, groupsOf } from './groups.ts';

const group = { id: 'group-20260131120000', databases: ['a', 'b', 'c'] };
const set = (change: Partial<GroupedSet>): GroupedSet => ({
  timestamp: '20260131120000',
  status: 'complete',
  database: 'a',
  group,
  ...change,
});

test('a group is complete when each of its databases has a complete set', () => {
  const sets = ['a', 'b', 'c'].map((database, at) =>
    set({ database, timestamp: `2026013112000${at}` }),
  );
  expect(groupsOf([...sets, set({ group: undefined })])).toEqual([
    {
      id: group.id,
      status: 'complete',
      members: sets.map(({ database, timestamp, status }) => ({ database, timestamp, status })),
    },
  ]);
});

test('a group names each database without a complete set, also one that has no set', () => {
  const [state] = groupsOf([
    set({}),
    set({ database: 'b', status: 'incomplete', timestamp: '20260131120001' }),
  ]);
  expect(state?.status).toBe('incomplete');
  expect(state && describeMembers(state.members)).toBe(
    '1 of 3 databases are complete; b: incomplete (20260131120001); c: no set',
  );
});

test('a set that has expired, or was damaged, leaves its group incomplete', () => {
  const rest = [set({ database: 'b' }), set({ database: 'c' })];
  const expired = groupsOf([set({ retention: { state: 'expired' } }), ...rest]);
  expect(expired[0]).toMatchObject({
    status: 'incomplete',
    members: [{ status: 'expired' }, {}, {}],
  });
  expect(groupsOf([set({ status: 'damaged' }), ...rest])[0]?.status).toBe('incomplete');
});

test('a group is open while one of its sets is being written', () => {
  expect(groupsOf([set({}), set({ database: 'b', status: 'open' })])[0]?.status).toBe('open');
});

test('the order of the sets changes nothing, and no set of another group counts', () => {
  const sets = fc.array(
    fc.record({
      timestamp: fc.integer({ min: 10, max: 59 }).map((second) => `202601311200${second}`),
      status: fc.constantFrom('complete', 'incomplete', 'damaged', 'open'),
      database: fc.constantFrom('a', 'b', 'c'),
      group: fc.constantFrom(group, { ...group, id: 'group-20260131130000' }),
    }) as fc.Arbitrary<GroupedSet>,
    { maxLength: 8 },
  );
  const distinct = sets.filter(
    (list) => new Set(list.map(({ timestamp }) => timestamp)).size === list.length,
  );
  fc.assert(
    fc.property(distinct, (list) => {
      const states = groupsOf(list);
      expect(groupsOf(list.toReversed())).toEqual(states);
      for (const state of states) {
        const own = list.filter((one) => one.group?.id === state.id);
        expect(groupsOf(own)).toEqual([state]);
        const complete = ['a', 'b', 'c'].every((database) =>
          own.some((one) => one.database === database && one.status === 'complete'),
        );
        expect(state.status === 'complete').toBe(complete);
      }
    }),
  );
});
