import type { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { copyOut, copyOutMany } from '../../../database/copy/copy-out.ts';
import { blockArena } from '../../../database/copy-wire/block-arena.ts';
import { openSession, type Session } from '../../../database/session/session.ts';
import { copiedRows } from '../../support/copied-rows.ts';
import {
  COPY_BEGINS,
  copyEnds,
  type FakePostgres,
  message,
  READY,
  startFakePostgres,
} from '../../support/servers/fake-postgres.ts';

const arena = blockArena({ connections: 1, blocks: 3, frameBytes: 64 * 1024 });
const relation = { schema: 'public', name: 't', columns: ['a'] };
const UTF8 = { encoding: 'UTF8' };
let server: FakePostgres | undefined;
let session: Session | undefined;

afterEach(async () => {
  await session?.close();
  await server?.stop();
});

async function connectTo(answer: (socket: Socket) => void): Promise<Session> {
  server = await startFakePostgres(answer);
  session = await openSession(server.target, {
    purpose: 'backup',
    applicationName: 'test',
    receive: arena,
  });
  return session;
}

async function rowsOf(answer: (socket: Socket) => void): Promise<string> {
  const out = copyOut(await connectTo(answer), relation, UTF8);
  const rows = Buffer.concat(await Array.fromAsync(copiedRows(out.blocks))).toString();
  await out.rowsCounted();
  return rows;
}

const row = message('d', 'one\n');
const notice = message('N', 'SNOTICE\0VNOTICE\0C00000\0Mhello\0\0');
const status = message('S', 'TimeZone\0UTC\0');

describe('the receiver', () => {
  it('accepts rows in the same packet as the beginning and the end of the COPY', async () => {
    const rows = await rowsOf((socket) =>
      socket.write(Buffer.concat([COPY_BEGINS, row, row, copyEnds(2)])),
    );
    expect(rows).toBe('one\none\n');
    expect(await session?.query('SELECT')).toEqual([]);
  });

  it('accepts notices, settings and notifications between rows, split anywhere', async () => {
    const asynchronous = Buffer.concat([
      notice,
      status,
      message('A', '\0\0\0\u0001channel\0payload\0'),
    ]);
    const bytes = Buffer.concat([
      COPY_BEGINS,
      row,
      asynchronous,
      row,
      asynchronous,
      row,
      copyEnds(3),
    ]);
    const rows = await rowsOf((socket) => {
      socket.setNoDelay(true);
      void (async () => {
        for (const byte of bytes) {
          socket.write(Buffer.from([byte]));
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
    });
    expect(rows).toBe('one\none\none\n');
  });
});

describe('an invalid message is an error at once', () => {
  const wrong: Record<string, Buffer> = {
    'a length less than its own': Buffer.from('d\0\0\0\u0003xxx', 'latin1'),
    'a negative length': Buffer.from('d\xff\xff\xff\xff', 'latin1'),
    'a length beyond 1 GB': Buffer.from('d\x7f\xff\xff\xff', 'latin1'),
    'a type that does not exist': Buffer.from('?\0\0\0\u0004', 'latin1'),
    'a long message of a short type': Buffer.from('C\0\x10\0\0', 'latin1'),
    'an end without a count': Buffer.concat([message('c'), message('C', 'COPY\0'), READY]),
    'readiness in the middle': READY,
    'a second COPY': Buffer.concat([
      message('c'),
      message('C', 'COPY 1\0'),
      COPY_BEGINS,
      row,
      copyEnds(1),
    ]),
  };
  it.each(Object.entries(wrong))('%s', async (_, bytes) => {
    await expect(
      rowsOf((socket) => socket.write(Buffer.concat([COPY_BEGINS, row, bytes]))),
    ).rejects.toMatchObject({
      name: 'StowageError',
      message: expect.stringContaining('cannot read the rows of public.t on ') as string,
    });
  });

  it('rows without a COPY', async () => {
    const opened = await connectTo((socket) => socket.write(Buffer.concat([COPY_BEGINS, row])));
    await expect(opened.query('COPY t TO STDOUT')).rejects.toMatchObject({
      message: expect.stringContaining('rows without a COPY') as string,
    });
  });

  it.each([
    ['a header', row.subarray(0, 3)],
    ['a row', row.subarray(0, 7)],
    ['a long row', message('d', 'x'.repeat(1_000_000)).subarray(0, 900_000)],
    ['another message', notice.subarray(0, 9)],
    ['the stream, between two messages', Buffer.alloc(0)],
  ])('an end in the middle of %s', async (_, bytes) => {
    await expect(
      rowsOf((socket) => socket.end(Buffer.concat([COPY_BEGINS, row, bytes]))),
    ).rejects.toMatchObject({
      code: 'database/unreachable',
    });
  });
});

describe('a long row', () => {
  const long = `${'x'.repeat(500_000)}\n`;
  const answer = (socket: Socket) => {
    socket.write(Buffer.concat([COPY_BEGINS, row, message('d', long), row, copyEnds(3)]));
  };

  it('is received in chunks between two blocks', async () => {
    const out = copyOut(await connectTo(answer), relation, UTF8);
    const seen: (string | number)[] = [];
    for await (const block of out.blocks) {
      if (block.kind === 'rows') {
        seen.push(Buffer.from(block.rows).toString());
        block.release();
        continue;
      }
      let bytes = 0;
      for await (const chunk of block.chunks) bytes += chunk.byteLength;
      seen.push(bytes);
    }
    expect(seen).toEqual(['one\n', long.length, 'one\n']);
    expect(await out.rowsCounted()).toBe(3);
  });

  it('must be read to its end before the next block', async () => {
    const out = copyOut(await connectTo(answer), relation, UTF8);
    await expect(
      (async () => {
        for await (const block of out.blocks) if (block.kind === 'rows') block.release();
      })(),
    ).rejects.toThrow('a long row was not read to its end');
  });
});

it('refuses relations whose rows are not read', async () => {
  const copies = Buffer.concat([COPY_BEGINS, row, message('c'), message('C', 'COPY 1\0')]);
  const opened = await connectTo((socket) => socket.write(Buffer.concat([copies, copies, READY])));
  const read = async () => {
    for await (const _ of copyOutMany(opened, [relation, { ...relation, name: 'u' }], UTF8));
  };
  await expect(read()).rejects.toMatchObject({
    message: expect.stringContaining('public.t') as string,
  });
});

it('leaves its place to the next connection, also when its rows are still being read', async () => {
  const hundreds = Array.from({ length: 100 }, (_, n) =>
    message('d', `${'x'.repeat(999)}${n % 10}\n`),
  );
  let copies = 0;
  let goOn = () => {};
  const opened = await connectTo((socket) => {
    copies += 1;
    if (copies === 1) socket.end(Buffer.concat([COPY_BEGINS, ...hundreds]));
    else socket.write(Buffer.concat([COPY_BEGINS, ...hundreds.slice(0, 10)]));
    if (copies === 2)
      goOn = () => void socket.write(Buffer.concat([...hundreds.slice(10), copyEnds(100)]));
  });
  const first = copyOut(opened, relation, UTF8).blocks[Symbol.asyncIterator]();
  const read = await first.next();
  if (read.done === true || read.value.kind !== 'rows') throw new Error('no rows');
  read.value.release();

  const next = await openSession(opened.target, {
    purpose: 'backup',
    applicationName: 'b',
    receive: arena,
  });
  try {
    const out = copyOut(next, relation, UTF8);
    const reading = Array.fromAsync(copiedRows(out.blocks));
    await vi.waitUntil(() => copies === 2, { timeout: 30_000 });
    // The first rows of the second may come to us in the meantime.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await expect(first.next()).rejects.toMatchObject({ code: 'database/unreachable' });
    goOn();
    expect(Buffer.concat(await reading).toString()).toBe(
      hundreds.map((row) => row.subarray(5)).join(''),
    );
    expect(await out.rowsCounted()).toBe(100);
  } finally {
    await next.close();
  }
});

it('has given every block and every place back, however it ended', () => {
  expect(arena.connections.tryTake()).toBeDefined();
  expect([1, 2, 3, 4].map(() => arena.blocks.tryTake() !== undefined)).toEqual([
    true,
    true,
    true,
    false,
  ]);
});
