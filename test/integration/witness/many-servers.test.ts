import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { decideContents } from '../../../cli/backup/witness/decide.ts';
import { shardsFlavour } from '../../../database/shards/flavour.ts';
import { checkpoint, withSession } from '../../../database/witness/place.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { waitUntil } from '../../support/wait-for.ts';

const CONTENTS = [0, 1, 2, 3, 4, 5];

let server: TestServer;
const { signal } = new AbortController();

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server?.stop());

test('servers are asked together what changed, because each has a checkpoint to make', async () => {
  const { host, port, user } = server;
  const target = server.target();
  const segment = { content: 0, host, port };
  const held = await shardsFlavour({ segments: [segment], connect: () => target }).takeSnapshot({
    selection: EVERYTHING,
    lockTimeoutMs: 1000,
    attemptsMax: 5,
  });
  const nodes = CONTENTS.map((content) => ({
    ...held.nodes[0],
    segment: { ...segment, content },
  }));
  const asked = new Set<number>();
  const probeOf = (content: number) => ({
    collect: async () => {
      asked.add(content);
      // All must have been asked before the first has answered.
      await waitUntil(async () => asked.size === CONTENTS.length);
      return { unavailable: 'it is a test' };
    },
  });
  const prepared = {
    support: {
      providers: [],
      readTables: async () => ({
        server: { systemIdentifier: '1', databaseOid: 1 },
        tables: [],
      }),
    },
    contents: new Map(
      CONTENTS.map((content) => {
        const probe = probeOf(content);
        return [content, [{ kind: 'wal-summary', probe, unavailable: undefined }]];
      }),
    ),
  };
  const connection = { user };
  const { database } = target;
  const context = {
    ...{ env: {}, signal, log: pino({ level: 'silent' }) },
    config: { connection, database, flavour: 'shards', backup: { rereadAfter: '7d' } },
  };
  const draft = { body: { contents: [], relations: [] }, work: new Map() };
  const deciding = { draft, held: { nodes }, prepared, startedAt: new Date() };
  const decided = await decideContents(context as never, {} as never, deciding as never);
  await held.release();
  expect([...decided.keys()].sort()).toEqual(CONTENTS);
});

test('after its checkpoint a server has a limit of time for each further statement', async () => {
  const place = { target: server.target(), waitMs: 2000, signal };
  const asking = withSession(place, async (session) => {
    await checkpoint(session, place.waitMs);
    await session.query('SELECT pg_sleep(30)');
  });
  await expect(asking).rejects.toThrow('statement timeout');
});
