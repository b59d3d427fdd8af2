import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { PID_FILE } from '../../../database/copy/fifo-programs.ts';
import { openFifoFolder, type WaitingProgram } from '../../../segment-shipper/fifo/folder.ts';
import {
  arrived,
  cleanupProcessOf,
  type FifoServer,
  freshFolder,
  freshPath,
  makeFifos,
  programGone,
  soon,
  startCopy,
  startFifoServer,
  waitSoonFor,
} from './fifo.ts';

const asRoot = process.getuid?.() === 0;
let server: FifoServer;

beforeAll(async () => {
  server = await startFifoServer();
  await server.psql('CREATE TABLE loaded (i bigint)');
});
afterAll(() => server?.stop());

const failed = { code: 'database/failed' };

describe('the folder of FIFOs', () => {
  it("is accessible only to the server's user, and holds the shipper's process id", async () => {
    const { path } = await freshFolder(server);
    const [folder, data] = await Promise.all([stat(path), stat(server.dataDir)]);
    expect({ uid: folder.uid, mode: folder.mode & 0o777 }).toEqual({ uid: data.uid, mode: 0o700 });
    expect(await readFile(join(path, PID_FILE), 'utf8')).toBe(`${process.pid}\n`);
  });

  it("belongs to the shipper's user when no data directory is known", async () => {
    const path = await freshPath();
    for (const dataDir of [undefined, '/no/such/folder']) {
      const folder = await openFifoFolder(path, dataDir);
      expect((await stat(path)).uid).toBe(process.getuid?.());
      await folder.remove();
    }
  });

  it("cannot be made by a shipper that is neither root nor the server's user", async () => {
    const path = await freshPath();
    const getuid = vi.spyOn(process, 'getuid').mockReturnValue(4_321);
    onTestFinished(() => getuid.mockRestore());
    await expect(openFifoFolder(path, server.dataDir)).rejects.toMatchObject({
      code: 'shipper/fifo',
    });
    expect(existsSync(path)).toBe(false);
  });

  it('is neither taken over nor deleted when it exists already', async () => {
    const { path } = await freshFolder(server);
    await expect(openFifoFolder(path, server.dataDir)).rejects.toMatchObject({
      code: 'shipper/fifo',
    });
    await sleep(200);
    expect(existsSync(join(path, PID_FILE))).toBe(true);
  });

  it('cannot be made where its parent does not exist', async () => {
    const opening = openFifoFolder('/no/such/folder/here', server.dataDir);
    await expect(opening).rejects.toMatchObject({ code: 'shipper/fifo' });
  });

  it('is deleted with all that is in it, also twice, also without its cleanup process', async () => {
    const { path, remove } = await freshFolder(server);
    makeFifos(join(path, '1.in'), join(path, '2.out'));
    await mkdir(join(path, 'deep', 'deeper'), { recursive: true });
    process.kill(await cleanupProcessOf(path), 'SIGKILL');
    await soon(remove());
    expect(existsSync(path)).toBe(false);
    await soon(remove());
  });

  it.runIf(asRoot)('gets no rows when it belongs to another user', async () => {
    const path = await freshPath();
    await mkdir(path);
    await writeFile(join(path, PID_FILE), `${process.pid}\n`);
    await chmod(path, 0o777);
    await chown(path, 4_321, 4_321);
    const copy = await startCopy(server, 'out', '(SELECT 1)', path);
    await expect(soon(copy.rows)).rejects.toMatchObject(failed);
    expect(existsSync(join(path, '1.out'))).toBe(false);
  });
});

describe('a program that no shipper serves', () => {
  it.each(['in', 'out'] as const)(
    'fails, and COPY %s with it, when it is rejected',
    async (direction) => {
      const { path, reject } = await freshFolder(server);
      const copy = await startCopy(server, direction, 'public.loaded', path);
      await reject({ relation: 1, direction, path: await arrived(path, direction) });
      await expect(soon(copy.rows)).rejects.toMatchObject(failed);
      await programGone(copy);
    },
  );

  it.each(['in', 'out'] as const)(
    'fails, and COPY %s with it, when the folder is removed while the shipper lives',
    async (direction) => {
      const { path, remove } = await freshFolder(server);
      const copy = await startCopy(server, direction, 'public.loaded', path);
      await arrived(path, direction);
      await soon(remove());
      await expect(soon(copy.rows)).rejects.toMatchObject(failed);
      await programGone(copy);
    },
  );

  it('does not prevent the removal of the folder, however many start at that moment', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { path, remove } = await freshFolder(server);
      const starting = Array.from({ length: 24 }, (_, relation) =>
        startCopy(server, relation % 2 === 0 ? 'in' : 'out', 'public.loaded', path, {
          relation,
          patienceMs: 300,
        }),
      );
      await waitSoonFor('some to come', () => (existsSync(join(path, '1.out')) ? true : undefined));
      await soon(remove());
      const copies = await Promise.all(starting);
      const ends = await soon(Promise.allSettled(copies.map(({ rows }) => rows)));
      expect(ends.filter(({ status }) => status === 'fulfilled')).toEqual([]);
      expect(existsSync(path)).toBe(false);
      await Promise.all(copies.map(programGone));
    }
  });
});

describe('programs', () => {
  it('yields every FIFO of a program once, and nothing else', async () => {
    const { path, programs } = await freshFolder(server);
    makeFifos(
      join(path, '3.in'),
      join(path, 'x.in'),
      join(path, '4.in.fed'),
      join(path, '4'),
      join(path, '-1.in'),
    );
    await writeFile(join(path, '5.in'), 'a file');
    await mkdir(join(path, '6.out'));
    await symlink(join(path, '3.in'), join(path, '7.in'));
    const stop = new AbortController();
    const seen: WaitingProgram[] = [];
    const looking = (async () => {
      for await (const program of programs(stop.signal)) seen.push(program);
    })();
    await waitSoonFor('the first', () => seen[0]);
    makeFifos(join(path, '12.out'));
    await waitSoonFor('the second', () => seen[1]);
    await sleep(600);
    stop.abort();
    await soon(looking);
    expect(seen).toEqual([
      { relation: 3, direction: 'in', path: join(path, '3.in') },
      { relation: 12, direction: 'out', path: join(path, '12.out') },
    ]);
  });

  it('ends when the signal fires, also between two FIFOs', async () => {
    const { path, programs } = await freshFolder(server);
    makeFifos(join(path, '1.in'), join(path, '2.in'));
    const stop = new AbortController();
    const seen: WaitingProgram[] = [];
    for await (const program of programs(stop.signal)) {
      seen.push(program);
      stop.abort();
    }
    expect(seen).toHaveLength(1);
    expect(await Array.fromAsync(programs(stop.signal))).toEqual([]);
  });

  it('ends when the signal fires in an empty folder', async () => {
    const { programs } = await freshFolder(server);
    const stop = new AbortController();
    const looking = Array.fromAsync(programs(stop.signal));
    await sleep(50);
    stop.abort();
    expect(await soon(looking)).toEqual([]);
  });
});
