import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  COPY_BEGINS,
  copyEnds,
  type FakePostgres,
  message,
  READY,
  startFakePostgres,
} from '../../support/servers/fake-postgres.ts';
import type { TestServer } from '../../support/servers/postgres.ts';
import { backupJob, endAll, filesBelow, runShipper } from './shipper.ts';

let directory = '';
let server: FakePostgres | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stowage-counts-'));
});
afterEach(async () => {
  await endAll();
  await server?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** Ships tables of a server that answers every COPY with `answer`. */
async function ship(names: readonly string[], answer: (socket: Socket) => void) {
  server = await startFakePostgres(answer);
  const { target } = server;
  const tables = names.map((name) => ({ name, columns: ['a'] }));
  const postgres = { target: () => target } as unknown as TestServer;
  return runShipper(backupJob(postgres, '1-1', directory, tables, { metadata: [], workers: 1 }));
}

const copy = (sent: number, counted = sent) =>
  Buffer.concat([
    COPY_BEGINS,
    ...Array.from({ length: sent }, () => message('d', 'a row\n')),
    message('c'),
    message('C', `COPY ${counted}\0`),
  ]);

describe('a shipper compares its row count with the count of the server', () => {
  it.each([
    ['2 rows, the server counted 3', 2, 3],
    ['2 rows, the server counted 1', 2, 1],
    ['no row, the server counted 1', 0, 1],
    ['1 row, the server counted none', 1, 0],
  ])('and fails, naming the table: received %s', async (_, sent, counted) => {
    for (const names of [['one'], ['before', 'one', 'after']]) {
      const copies = names.map((name) => (name === 'one' ? copy(sent, counted) : copy(2)));
      const shipper = await ship(names, (socket) =>
        socket.write(Buffer.concat([...copies, READY])),
      );
      expect((await shipper.exit).code).not.toBe(0);
      expect(await shipper.reported('failed')).toMatchObject({
        code: 'database/count',
        relation: 'public.one',
      });
      expect(shipper.reports.filter(({ type }) => type === 'relation')).toHaveLength(
        names.indexOf('one'),
      );
      expect((await filesBelow(directory)).filter((key) => key.includes('/receipts/'))).toEqual([]);
      await server?.stop();
    }
  });

  it('and succeeds when the counts of every table agree', async () => {
    const shipper = await ship(['one', 'two', 'three'], (socket) =>
      socket.write(Buffer.concat([copy(2), copy(0), copy(1), READY])),
    );
    expect((await shipper.exit).code).toBe(0);
  });

  it.each([
    ['fewer', [copy(1), copy(1)], READY],
    ['more', [copy(1), copy(1), copy(1)], copyEnds(0)],
  ])(
    'and fails when the server answers for %s relations than requested',
    async (_, copies, end) => {
      const shipper = await ship(['one', 'two', 'three'], (socket) =>
        socket.write(Buffer.concat([...copies, end])),
      );
      expect((await shipper.exit).code).not.toBe(0);
      expect((await shipper.reported('failed')).code).toMatch(/^database\//);
    },
  );
});
