import { expect, test } from 'vitest';
import type { Session } from '../../session/session.ts';
import { addImporters } from './imports.ts';

/** Sessions with a number, of which the isolated ones see only the rows of the snapshot. */
async function importing(connections: number, isolated: readonly number[]) {
  const closed: number[] = [];
  const sessionOf = (pid: number) =>
    ({ pid, close: async () => void closed.push(pid) }) as Partial<Session> as Session;
  const sessions = [sessionOf(0)];
  const canImport = await addImporters(sessions, {
    open: async (at) => sessionOf(at),
    isIsolated: async ({ pid }) => isolated.includes(pid),
    connections,
  });
  return { canImport, readers: sessions.map(({ pid }) => pid), closed };
}

test.each([
  [4, { canImport: true, readers: [0, 1, 2, 3], closed: [] }],
  [1, { canImport: true, readers: [0], closed: [1] }],
])('%i connections read when importers see only the snapshot', async (connections, expected) => {
  expect(await importing(connections, [1, 2, 3])).toEqual(expected);
});

test('the holder reads alone when an importer sees newer rows: a Greenplum 7 pre-release', async () => {
  for (const connections of [1, 4])
    expect(await importing(connections, [])).toEqual({
      canImport: false,
      readers: [0],
      closed: [1],
    });
});
