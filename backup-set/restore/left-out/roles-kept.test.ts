import { expect, test } from 'vitest';
import { gatherRolesKept } from './roles-kept.ts';

test('roles that several servers kept are named once, and receipts that name none add none', () => {
  const kept = gatherRolesKept();
  expect(kept.field()).toEqual({});
  kept.add({ rolesKept: { total: 2, names: ['b', 'a'] } });
  kept.add({});
  kept.add({ rolesKept: { total: 2, names: ['b', 'c'] } });
  expect(kept.field()).toEqual({ rolesKept: { total: 3, names: ['a', 'b', 'c'] } });
});

test('more roles than a receipt may name are counted', () => {
  const kept = gatherRolesKept();
  kept.add({ rolesKept: { total: 5000, names: ['a'] } });
  expect(kept.field()).toEqual({ rolesKept: { total: 5000, names: ['a'] } });
});
