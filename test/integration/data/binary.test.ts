import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import type { ShippedRelation } from '../../../backup-set/documents/agents.ts';
import type { LoadRelation } from '../../../backup-set/documents/restore/restore.ts';
import { discoverRelations } from '../../../database/catalog/relations.ts';
import { blockArena } from '../../../database/copy-wire/block-arena.ts';
import { attachSnapshot } from '../../../database/session/snapshot.ts';
import { zstd } from '../../../frame/zstd/zstd.ts';
import { verifyObject } from '../../../functions/check/object.ts';
import { shipBinary } from '../../../segment-shipper/backup/binary/ship-binary.ts';
import { levelOf } from '../../../segment-shipper/backup/level.ts';
import { orderedFrames } from '../../../segment-shipper/backup/ordered-frames.ts';
import { packSeries } from '../../../segment-shipper/backup/pack-series.ts';
import { noProgress, type ShipperDeps } from '../../../segment-shipper/deps.ts';
import type { Report } from '../../../segment-shipper/protocol/control.ts';
import { openStore } from '../../../storage/open.ts';
import { receiptsIn } from '../../support/receipts.ts';
import { rowDigests } from '../../support/row-digests.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { troubleSchema } from '../../support/trouble/trouble.ts';
import { load, orderOf } from '../shipper/big-relation.ts';
import { backupJob } from '../shipper/shipper.ts';

let server: TestServer;
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'stowage-binary-'));
  server = await startPostgres({ databases: ['original', 'copy'] });
  for (const sql of troubleSchema({ content: 0, rolePrefix: 'zero_' }))
    await server.psql(sql, 'original');
  await copyDefinitions('original', 'copy');
});
afterAll(async () => {
  await server?.stop();
  await rm(scratch, { recursive: true, force: true });
});

async function copyDefinitions(from: string, to: string): Promise<void> {
  const env = { PGHOST: server.host, PGPORT: String(server.port), PGUSER: server.user };
  const run = (name: string, ...args: string[]) =>
    promisify(execFile)(join(server.binDir, name), args, { env });
  const file = join(scratch, `${from}.dump`);
  await run('pg_dump', '-Fc', '--section=pre-data', '--file', file, from);
  await run('pg_restore', '--exit-on-error', '--dbname', to, file);
}

/** Ships every table of a database in COPY BINARY. `refused`: why a table cannot be. */
async function shipAll(database: string, encoding: string) {
  const directory = await mkdtemp(join(scratch, 'root-'));
  const store = await openStore({ root: pathToFileURL(directory).href });
  const reports: Report[] = [];
  const { signal } = new AbortController();
  const deps: ShipperDeps = {
    store,
    clock: () => new Date(),
    log: pino({ level: 'silent' }),
    report: (report) => void reports.push(report),
    progress: noProgress(),
    throttle: async () => {},
    signal,
  };
  const base = backupJob(server, '', directory, [], { encoding, frameBytes: 64 * 1024 });
  const job = { ...base, target: server.target(database) };
  const arena = blockArena({ connections: 1, blocks: 4, frameBytes: job.frameBytes });
  const open = () => {
    const options = { purpose: 'backup', applicationName: 'stowage backup', signal } as const;
    return attachSnapshot(job.target, undefined, { ...options, receive: arena });
  };
  const packs = packSeries(job, 1, deps);
  const encoder = zstd.createEncoder(arena.cutting.blockBytesMax);
  const frames = orderedFrames(packs, { encoder, level: levelOf(1, 1, () => 0) });
  let session = await open();
  const { relations } = await discoverRelations(session, EVERYTHING);
  const shipped: ShippedRelation[] = relations
    .filter(({ condition }) => condition === undefined)
    .map(({ schema, name, columns }, id) => {
      return { id, schema, name, kind: 'table', columns: [...columns], bytesEstimated: 0 };
    });
  const refused = new Map<string, string>();
  const same = async () => session;
  for (const relation of shipped) {
    try {
      const failure = new StowageError('database/row-too-long', 'too long');
      await shipBinary(same, relation, { job, frames, deps }, failure);
    } catch (error) {
      // The session has ended.
      refused.set(`${relation.schema}.${relation.name}`, String(error));
      session = await open();
    }
  }
  await frames.drain();
  await packs.finish();
  await session.close();
  const loads = shipped.flatMap((relation): LoadRelation[] => {
    const counted = reports.find(
      (report) => report.type === 'relation' && report.relation === relation.id,
    );
    if (counted?.type !== 'relation') return [];
    const { schema, name, columns, id } = relation;
    return [{ id, schema, name, columns, rows: counted.rows, bytes: counted.bytes, extents: [] }];
  });
  const receipts = await receiptsIn(directory);
  for (const { object, extents } of receipts)
    for (const { relation, ...extent } of extents)
      loads.find(({ id }) => id === relation)?.extents.push({ key: object.key, ...extent });
  return { store, receipts, loads, refused };
}

async function loadAll(
  database: string,
  encoding: string,
  { store, loads }: Awaited<ReturnType<typeof shipAll>>,
) {
  const target = { ...server, target: () => server.target(database) };
  return load(target, { ...orderOf(...loads), encoding }, store);
}

describe('rows in COPY BINARY', () => {
  it('give the same tables again, with every type, hostile names, and rows without columns', async () => {
    const shipped = await shipAll('original', 'UTF8');
    expect(shipped.loads.length).toBeGreaterThan(150);
    const unfit = (column: string) =>
      `StowageError: too long. It cannot be read as COPY BINARY either: column ${column}, whose binary form another database may not read`;
    expect(Object.fromEntries(shipped.refused)).toEqual({
      'types.made': unfit('ms has type types.mood[]'),
      'types.multiranges': unfit('e has type types.text_multirange'),
      'types.system': unfit('rc has type regclass'),
      'types.documents': unfit('q has type tsquery'),
    });
    const result = await loadAll('copy', 'UTF8', shipped);
    expect(result.problems).toEqual([]);
    // Of materialized views the dump has no rows.
    const original = await rowDigests(server, 'original');
    for (const name of shipped.refused.keys()) original.set(name, '0|');
    const copied = await rowDigests(server, 'copy');
    expect(copied.size).toBeGreaterThanOrEqual(shipped.loads.length);
    expect(Object.fromEntries(original)).toMatchObject(Object.fromEntries(copied));
    for (const { object, extents } of shipped.receipts) {
      const checked = { ...object, content: 0, extents, relation: () => undefined };
      const options = { decode: true, onBytes: () => undefined };
      expect(await verifyObject(shipped.store, checked, options)).toEqual([]);
      const [first, ...rest] = extents;
      if (first === undefined) throw new Error('the pack has no extents');
      const more = { ...checked, extents: [{ ...first, rows: first.rows + 1 }, ...rest] };
      expect(await verifyObject(shipped.store, more, options)).toMatchObject([
        { code: 'frame-unreadable', message: expect.stringContaining(`the receipt has`) },
      ]);
    }
  });

  it('have the bytes of the database, whatever its encoding', async () => {
    const make = "CREATE TABLE é (\"ü\" text); INSERT INTO é VALUES ('öä'), (NULL), ('')";
    for (const encoding of ['LATIN1', 'SQL_ASCII']) {
      const [from, to] = [`from_${encoding.toLowerCase()}`, `to_${encoding.toLowerCase()}`];
      for (const name of [from, to])
        await server.psql(
          `CREATE DATABASE ${name} TEMPLATE template0 ENCODING '${encoding}' LOCALE 'C'`,
        );
      await server.psql(make, from);
      if (encoding === 'SQL_ASCII')
        await server.psql(
          "SET client_encoding TO 'SQL_ASCII'; INSERT INTO é VALUES (E'\\xff')",
          from,
        );
      await copyDefinitions(from, to);
      const shipped = await shipAll(from, encoding);
      const [relation] = shipped.loads;
      expect(shipped.loads).toMatchObject([{ name: 'é', columns: ['ü'] }]);
      // Two bytes for the number of values, four for each length; SQL_ASCII has what psql sent.
      expect(relation?.bytes).toBe(encoding === 'LATIN1' ? 3 * 6 + 2 : 4 * 6 + 5);
      expect((await loadAll(to, encoding, shipped)).problems).toEqual([]);
      const hex = `SELECT string_agg(coalesce(encode("ü"::bytea, 'hex'), '-'), ',') FROM é`;
      expect(await server.psql(hex, to)).toBe(await server.psql(hex, from));
    }
  });
});
