import { parseKey } from '../../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { TestServer } from '../../support/servers/postgres.ts';

/** A relation of a backup order: a table with two rows. */
export const plain = {
  id: 0,
  schema: 'public',
  name: 'plain',
  kind: 'table',
  columns: ['a'],
  bytesEstimated: 0,
};

/** A backup order for one server, which ships `plain`. */
export function orderFor(server: TestServer, timestamp: string, database: string) {
  return {
    format: 'stowage/backup-order',
    version: 1,
    timestamp,
    content: 0,
    host: server.host,
    port: server.port,
    database,
    attempt: 1,
    encoding: 'UTF8',
    frameBytes: 65_536,
    packBytes: 1_000_000,
    level: 1,
    metadata: [],
    collect: false,
    relations: [plain],
    overdueAfterSeconds: 60,
  };
}

/** A restore request that agents carry out. */
export function requestFor(
  server: TestServer,
  restore: { id: string; timestamp: string; database: string; now: Date },
) {
  const { id, timestamp, database, now } = restore;
  return {
    format: 'stowage/restore-request',
    version: 1,
    id,
    requestedAt: now.toISOString(),
    timestamp,
    target: {
      flavour: 'shards',
      database,
      contents: [{ content: 0, host: server.host, port: server.port }],
    },
    selection: EVERYTHING,
    mode: 'fill',
    verify: false,
    globals: true,
    noOwner: false,
    count: false,
    resize: false,
    agents: true,
  };
}

/** The keys of a set's packs. */
export async function packsOf(store: ObjectStore, wanted: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list('sets/')) {
    const parsed = parseKey(key);
    if (parsed?.kind === 'pack' && parsed.timestamp === wanted) keys.push(key);
  }
  return keys;
}
