import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PID_FILE } from '../../../database/copy/fifo-programs.ts';
import { feedFifo, readFifo } from '../../../segment-shipper/fifo/fifo.ts';
import {
  arrived,
  descriptorsInto,
  type FifoServer,
  freshFolder,
  programGone,
  soon,
  startCopy,
  startFifoServer,
} from './fifo.ts';

let server: FifoServer;
const never = new AbortController().signal;

beforeAll(async () => {
  server = await startFifoServer();
});
afterAll(() => server?.stop());
beforeEach(() => server.psql('DROP TABLE IF EXISTS t; CREATE TABLE t (i bigint, x text)'));

const MIB = 1024 * 1024;

/** Rows in COPY text format, in the order in which a heap returns them. */
function rows(count: number, text: (n: number) => string): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, n) => `${n}\t${text(n)}\n`).join(''));
}

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function* withEmpty(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield Buffer.alloc(0);
  for await (const chunk of chunks) {
    yield chunk;
    yield Buffer.alloc(0);
  }
}

async function feed(folder: string, source: AsyncIterable<Buffer>, relation = 1, table = 't') {
  const copy = await startCopy(server, 'in', `public.${table}`, folder, { relation });
  const path = await arrived(folder, 'in', relation);
  await soon(feedFifo(path, source, never), 60_000);
  return { copy, counted: await soon(copy.rows) };
}

async function collect(folder: string, relation = 1, table = 't') {
  const copy = await startCopy(server, 'out', `public.${table}`, folder, { relation });
  const path = await arrived(folder, 'out', relation);
  const digest = createHash('sha256');
  let bytes = 0;
  for await (const chunk of readFifo(path, never)) {
    digest.update(chunk);
    bytes += chunk.byteLength;
  }
  return { copy, counted: await soon(copy.rows), bytes, sha256: digest.digest('hex') };
}

it('leaves no file of a program that has passed on its rows: the folder stays small', async () => {
  await server.psql("INSERT INTO t VALUES (1, 'one')");
  const { path, programs } = await freshFolder(server);
  const over = new AbortController();
  const seen = programs(over.signal)[Symbol.asyncIterator]();
  for (const relation of [1, 2, 3]) {
    const copy = await startCopy(server, 'out', 'public.t', path, { relation });
    const { value: program } = await soon(seen.next());
    expect(program).toMatchObject({ relation, direction: 'out' });
    const fifo = await arrived(path, 'out', relation);
    const chunks = await Array.fromAsync(readFifo(fifo, never));
    expect(Buffer.concat(chunks).toString()).toBe('1\tone\n');
    expect(await soon(copy.rows)).toBe(1);
    expect(await readdir(path)).toEqual([PID_FILE]);
  }
  over.abort();
});

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

const specialTexts = [
  '',
  '\\N',
  '\\\\',
  '\\t\\n',
  'ünïcödé 漢字 🧂',
  "'$(id)`id`%s",
  '\u0001',
  'x'.repeat(9_000),
];
const samples: Record<string, { count: number; bytes: () => Buffer; chunk: number }> = {
  'no rows': { count: 0, bytes: () => Buffer.alloc(0), chunk: 1 },
  'one row': { count: 1, bytes: () => rows(1, () => 'x'), chunk: MIB },
  'texts with special characters, byte by byte': {
    count: specialTexts.length,
    bytes: () => rows(specialTexts.length, (n) => specialTexts[n] ?? ''),
    chunk: 1,
  },
  'one row of 30 MB': {
    count: 1,
    bytes: () => rows(1, () => 'y'.repeat(30 * MIB)),
    chunk: 4 * MIB,
  },
  '48 MB in odd pieces': {
    count: 600_000,
    bytes: () => rows(600_000, (n) => `${n % 7}${noise.slice(n % 4_000, (n % 4_000) + 66)}`),
    chunk: 777_777,
  },
};
const noise = randomBytes(4_096).toString('hex');

describe('rows through a FIFO', () => {
  it.each(Object.entries(samples))(
    'arrive byte for byte, with the right count: %s',
    async (_, sample) => {
      const folder = await freshFolder(server);
      const sent = sample.bytes();
      const into = await feed(folder.path, withEmpty(cut(sent, sample.chunk)));
      expect(into.counted).toBe(sample.count);
      const out = await collect(folder.path);
      expect(out.counted).toBe(sample.count);
      expect({ bytes: out.bytes, sha256: out.sha256 }).toEqual({
        bytes: sent.length,
        sha256: sha256(sent),
      });
      // Both ends could have the same error, so the server's own text of the rows is compared too.
      if (sent.length < MIB)
        expect(await server.psql('COPY t TO STDOUT')).toBe(sent.toString().replace(/\n$/, ''));
      await programGone(into.copy);
      await programGone(out.copy);
      expect(await descriptorsInto(folder.path)).toEqual([]);
    },
  );

  it('arrive for many relations at once, each with its own rows', async () => {
    const folder = await freshFolder(server);
    const ids = Array.from({ length: 24 }, (_, n) => n);
    await server.psql(ids.map((n) => `CREATE TABLE many_${n} (i bigint, x text);`).join(' '));
    const sent = ids.map((id) => rows(5_000, (n) => `relation ${id} row ${n}`));
    const fed = await Promise.all(
      ids.map((id) =>
        feed(folder.path, cut(sent[id] ?? Buffer.alloc(0), 10_000), id, `many_${id}`),
      ),
    );
    expect(fed.map(({ counted }) => counted)).toEqual(ids.map(() => 5_000));
    const out = await Promise.all(ids.map((id) => collect(folder.path, id, `many_${id}`)));
    expect(out.map((one) => one.sha256)).toEqual(sent.map(sha256));
    expect(await descriptorsInto(folder.path)).toEqual([]);
  });

  it('of two folders at the same time do not mix', async () => {
    await server.psql('CREATE TABLE a (i bigint, x text); CREATE TABLE b (i bigint, x text)');
    const [one, other] = await Promise.all([freshFolder(server), freshFolder(server)]);
    await Promise.all([
      feed(
        one.path,
        cut(
          rows(20_000, () => 'one'),
          999,
        ),
        7,
        'a',
      ),
      feed(
        other.path,
        cut(
          rows(30_000, () => 'other'),
          999,
        ),
        7,
        'b',
      ),
    ]);
    expect(await server.psql('SELECT x, count(*) FROM a GROUP BY 1')).toBe('one|20000');
    expect(await server.psql('SELECT x, count(*) FROM b GROUP BY 1')).toBe('other|30000');
  });
});
