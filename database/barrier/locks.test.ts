import { expect, test } from 'vitest';
import type { Session } from '../session/session.ts';
import { attemptLimitMs } from './limits.ts';
import { lockRelations } from './locks.ts';
import type { BarrierNode } from './node.ts';

async function statementsFor(tables: number): Promise<string[]> {
  const statements: string[] = [];
  const query = async (sql: string) => {
    statements.push(sql);
    return [];
  };
  const relations = Array.from({ length: tables }, (_, at) => ({ schema: 's', name: `t${at}` }));
  const session = { query } as unknown as Session;
  await lockRelations(session, relations, 'SHARE', new AbortController().signal);
  return statements;
}

test.each([
  [0, 0],
  [1, 1],
  [250, 3],
  [2_500, 25],
  [2_501, 25],
  [125_000, 25],
])('%i relations are locked by %i statements, each relation once', async (tables, expected) => {
  const statements = await statementsFor(tables);
  expect(statements).toHaveLength(expected);
  const names = statements.flatMap((sql) => [...sql.matchAll(/ONLY "s"\."(t\d+)"/g)]);
  expect(new Set(names.map(([, name]) => name)).size).toBe(tables);
  expect(names).toHaveLength(tables);
});

const limitFor = (tables: number, heldMs: number) => {
  const list = Array.from({ length: tables }, (_, oid) => ({ oid, schema: 's', name: 't' }));
  return attemptLimitMs([{ deadlockTimeoutMs: 1_000 } as BarrierNode], 500, [list], heldMs);
};

test('an attempt on a slow server may take one and a half times what the first locks took, up to 1 ms per relation', () => {
  expect(limitFor(10, 5_000)).toBe(910);
  expect(limitFor(10_000, 100)).toBe(2_900);
  expect(limitFor(10_000, 4_000)).toBe(6_900);
  expect(limitFor(10_000, 60_000)).toBe(10_900);
});
