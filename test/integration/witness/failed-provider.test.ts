import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import type { Prepared } from '../../../cli/backup/witness/prepare.ts';
import { seeContent } from '../../../cli/backup/witness/see.ts';
import { shardsFlavour } from '../../../database/shards/flavour.ts';
import type { WitnessProbe } from '../../../database/witness/provider.ts';
import { readWitnessTables } from '../../../database/witness/tables.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

let server: TestServer;
const { signal } = new AbortController();

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server?.stop());

test('a provider whose statement fails takes no witness from the next one', async () => {
  const target = server.target();
  const { host, port, user } = server;
  const held = await shardsFlavour({
    segments: [{ content: 0, host, port }],
    connect: () => target,
  }).takeSnapshot({ selection: EVERYTHING, lockTimeoutMs: 1000, attemptsMax: 5 });
  try {
    const source = { kind: 'file-stamp', timeline: 1, lsn: '0/0', files: [] } as never;
    const asking = (statement: string): WitnessProbe => ({
      collect: async ({ session }) => {
        await session.query(statement);
        return { source, tables: new Map() };
      },
    });
    const failing: Prepared = {
      ...{ kind: 'wal-summary', probe: asking('SELECT 1 / 0'), unavailable: undefined },
    };
    const next: Prepared = {
      ...{ kind: 'file-stamp', probe: asking('SELECT 1'), unavailable: undefined },
    };
    const prepared = {
      support: { providers: [], readTables: readWitnessTables },
      contents: new Map([[0, [failing, next]]]),
    };
    const { database } = target;
    const config = { connection: { user }, database, flavour: 'shards' };
    const context = { env: {}, signal, log: pino({ level: 'silent' }), config };
    const [node] = held.nodes;
    if (node === undefined) throw new Error('the snapshot has no server');
    const seen = await seeContent(context as never, prepared, node, [], undefined);
    expect(failing.unavailable).toContain('division by zero');
    expect(next.unavailable).toBeUndefined();
    expect(seen?.content.sources).toEqual([source]);
  } finally {
    await held.release();
  }
});
