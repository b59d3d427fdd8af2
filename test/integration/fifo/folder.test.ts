import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { PID_FILE } from '../../../database/copy/fifo-programs.ts';
import { type Arrival, openFifoFolder } from '../../../segment-shipper/fifo/folder.ts';
import {
  arrived,
  type FifoServer,
  freshFolder,
  freshPath,
  makeFifos,
  programGone,
  soon,
  startCopy,
  startFifoServer,
  undertakerOf,
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

describe('the folder', () => {
  it("is the server's user's alone, and says who waits there", async () => {
    const { path } = await freshFolder(server);
    const [folder, data] = await Promise.all([stat(path), stat(server.dataDir)]);
    expect({ uid: folder.uid, mode: folder.mode & 0o777 }).toEqual({ uid: data.uid, mode: 0o700 });
    expect(await readFile(join(path, PID_FILE), 'utf8')).toBe(`${process.pid}\n`);
  });

  it('stays ours where no data directory is known', async () => {
    const path = await freshPath();
    for (const dataDir of [undefined, '/no/such/folder']) {
      const folder = await openFifoFolder(path, dataDir);
      expect((await stat(path)).uid).toBe(process.getuid?.());
      await folder.remove();
    }
  });

  it('is refused to a shipper that is neither root nor the server’s user', async () => {
    const path = await freshPath();
    const getuid = vi.spyOn(process, 'getuid').mockReturnValue(4_321);
    onTestFinished(() => getuid.mockRestore());
    await expect(openFifoFolder(path, server.dataDir)).rejects.toMatchObject({
      code: 'shipper/fifo',
    });
    expect(existsSync(path)).toBe(false);
  });

  it('is not taken over when it exists, nor taken away', async () => {
    const { path } = await freshFolder(server);
    await expect(openFifoFolder(path, server.dataDir)).rejects.toMatchObject({
      code: 'shipper/fifo',
    });
    await sleep(200);
    expect(existsSync(join(path, PID_FILE))).toBe(true);
  });

  it('cannot be made where there is no place for it', async () => {
    const opening = openFifoFolder('/no/such/folder/here', server.dataDir);
    await expect(opening).rejects.toMatchObject({ code: 'shipper/fifo' });
  });

  it('goes with everything in it, also twice, also without its undertaker', async () => {
    const { path, remove } = await freshFolder(server);
    makeFifos(join(path, '1.in'), join(path, '2.out'));
    await mkdir(join(path, 'deep', 'deeper'), { recursive: true });
    process.kill(await undertakerOf(path), 'SIGKILL');
    await soon(remove());
    expect(existsSync(path)).toBe(false);
    await soon(remove());
  });

  it.runIf(asRoot)('of somebody else is no place for the rows', async () => {
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

describe('a program that nobody meets', () => {
  it.each(['in', 'out'] as const)('COPY %s ends when it is refused', async (direction) => {
    const { path, refuse } = await freshFolder(server);
    const copy = await startCopy(server, direction, 'public.loaded', path);
    await refuse({ relation: 1, direction, path: await arrived(path, direction) });
    await expect(soon(copy.rows)).rejects.toMatchObject(failed);
    await programGone(copy);
  });

  it.each(['in', 'out'] as const)(
    'COPY %s ends with the folder, while the shipper lives',
    async (direction) => {
      const { path, remove } = await freshFolder(server);
      const copy = await startCopy(server, direction, 'public.loaded', path);
      await arrived(path, direction);
      await soon(remove());
      await expect(soon(copy.rows)).rejects.toMatchObject(failed);
      await programGone(copy);
    },
  );

  it('does not keep the folder from going, however many come just then', async () => {
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

describe('arrivals', () => {
  it('are all FIFOs of programs, once each, and nothing else', async () => {
    const { path, arrivals } = await freshFolder(server);
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
    const seen: Arrival[] = [];
    const looking = (async () => {
      for await (const arrival of arrivals(stop.signal)) seen.push(arrival);
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

  it('end with the signal, also between two that are there', async () => {
    const { path, arrivals } = await freshFolder(server);
    makeFifos(join(path, '1.in'), join(path, '2.in'));
    const stop = new AbortController();
    const seen: Arrival[] = [];
    for await (const arrival of arrivals(stop.signal)) {
      seen.push(arrival);
      stop.abort();
    }
    expect(seen).toHaveLength(1);
    expect(await Array.fromAsync(arrivals(stop.signal))).toEqual([]);
  });

  it('end soon where nobody comes', async () => {
    const { arrivals } = await freshFolder(server);
    const stop = new AbortController();
    const looking = Array.fromAsync(arrivals(stop.signal));
    await sleep(50);
    stop.abort();
    expect(await soon(looking)).toEqual([]);
  });
});
