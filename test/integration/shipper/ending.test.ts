import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Session } from '../../../database/session/session.ts';
import { CONTROL_VERSION } from '../../../segment-shipper/protocol/control.ts';
import { withRepeats } from '../../support/repeats/repeats.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import {
  backendsLeft,
  backupJob,
  endAll,
  filesBelow,
  holdSnapshot,
  type RunningShipper,
  readBySelect,
  runShipper,
  unfinished,
} from './shipper.ts';

/** Well below the 20 s after which a shipper exits anyway; allows for a busy machine. */
const ENDING_MS = 12_000;

let server: TestServer;
let held: { id: string; session: Session };
let directory = '';
const views = [0, 1, 2, 3].map((n) => ({ name: `endless_${n}`, columns: ['i', 'm'] }));

beforeAll(async () => {
  server = await startPostgres();
  for (const { name } of views)
    await server.psql(
      `CREATE VIEW ${name} AS SELECT i, md5(i::text) AS m FROM (SELECT generate_series(1, 100000000) AS i) AS s`,
    );
  await readBySelect(
    server,
    views.map(({ name }) => name),
  );
  await server.psql('CREATE TABLE locked (i int); INSERT INTO locked VALUES (1)');
  held = await holdSnapshot(server);
});
afterAll(async () => {
  await held?.session.close();
  await server?.stop();
});
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stowage-shipper-'));
});
afterEach(async () => {
  await endAll();
  await rm(directory, { recursive: true, force: true });
});

/** Endless rows, from views. */
function endless(packBytes = 1 << 30) {
  return backupJob(server, held.id, directory, views, {
    metadata: [],
    packBytes,
    frameBytes: 1 << 20,
  });
}

async function endsClean(shipper: RunningShipper, since: number): Promise<void> {
  const { code } = await shipper.exit;
  expect(Date.now() - since).toBeLessThan(ENDING_MS);
  expect(code).not.toBe(0);
  expect(shipper.reports.some(({ type }) => type === 'done')).toBe(false);
  expect(await backendsLeft(server)).toBe('');
  expect(await unfinished(directory)).toEqual([]);
  // The end may come between a pack and its receipt, but a receipt needs its pack.
  const packs = (await filesBelow(directory)).filter((key) => key.endsWith('.pack'));
  const receipts = shipper.reports.filter(({ type }) => type === 'receipt');
  expect(packs.length).toBeGreaterThanOrEqual(receipts.length);
}

/** Not even root can write below a file. Repeats, because the shipper may make the folder again. */
async function putFileInPlaceOf(folder: string): Promise<void> {
  for (;;) {
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    const placed = await writeFile(folder, '', { flag: 'wx' }).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST' || error.code === 'EISDIR') return false;
        throw error;
      },
    );
    if (placed) return;
  }
}

/** Moments of a backup; each function waits until the shipper has reached it. */
const moments: Record<string, () => Promise<RunningShipper>> = {
  'waits for its job': async () => {
    const shipper = runShipper();
    await shipper.reported('hello');
    return shipper;
  },
  'has just got its job': async () => {
    const shipper = runShipper(endless());
    await shipper.reported('hello');
    return shipper;
  },
  connects: async () => {
    const shipper = runShipper(endless());
    await shipper.reported('hello');
    await sleep(40);
    return shipper;
  },
  'has started to copy but not to upload': async () => {
    const shipper = runShipper(endless());
    await shipper.reported('progress', ({ relation }) => relation !== undefined);
    return shipper;
  },
  'copies and uploads': async () => {
    const shipper = runShipper(endless());
    await shipper.reported('progress', ({ storedBytes }) => storedBytes > 3_000_000);
    return shipper;
  },
  'writes one pack after the other': async () => {
    const shipper = runShipper(endless(300_000));
    await shipper.reported('receipt');
    return shipper;
  },
};

describe.each(Object.entries(moments))('a shipper that %s', (_, start) => {
  it.each(withRepeats<NodeJS.Signals>(['SIGTERM'], ['SIGINT', 'SIGHUP']))(
    'ends on %s at once and leaves nothing',
    async (signal) => {
      const shipper = await start();
      const since = Date.now();
      shipper.child.kill(signal);
      await endsClean(shipper, since);
    },
  );

  it('ends when its standard input does', async () => {
    const shipper = await start();
    const since = Date.now();
    shipper.child.stdin.end();
    await endsClean(shipper, since);
  });
});

describe('a shipper that waits for a lock', () => {
  it.each([
    ['COPY', []],
    ['pg_dump', ['schema.dump']],
  ] as const)('in %s ends on SIGTERM and leaves nothing', async (_, metadata) => {
    const locker = await holdSnapshot(server);
    const lock = await import('../../../database/session/session.ts').then(({ openSession }) =>
      openSession(server.target(), { purpose: 'barrier', applicationName: 'locker' }),
    );
    try {
      await lock.query('BEGIN');
      await lock.query('LOCK TABLE public.locked IN ACCESS EXCLUSIVE MODE');
      const tables = metadata.length === 0 ? [{ name: 'locked', columns: ['i'] }] : [];
      const shipper = runShipper(
        backupJob(server, locker.id, directory, tables, { metadata: [...metadata] }),
      );
      const waiting = () => server.psql('SELECT count(*) FROM pg_locks WHERE NOT granted');
      while ((await waiting()) === '0') await sleep(20);
      const since = Date.now();
      shipper.child.kill('SIGTERM');
      await endsClean(shipper, since);
    } finally {
      await lock.close();
      await locker.session.close();
    }
  });
});

describe('a shipper whose parent is killed', () => {
  it('ends, and leaves nothing', async () => {
    // The parent holds the other ends of the shipper's pipes.
    const job = join(directory, 'job');
    const store = await mkdtemp(join(directory, 'store-'));
    await writeFile(
      job,
      `${JSON.stringify({ ...endless(), store: { root: `file://${store}` } })}\n`,
    );
    const entry = new URL('../../../segment-shipper/main.ts', import.meta.url).pathname;
    const script = `import { spawn } from 'node:child_process'; import { readFileSync } from 'node:fs';
      const child = spawn(process.execPath, [${JSON.stringify(entry)}], { stdio: ['pipe', 'pipe', 'inherit'] });
      child.stdin.write(readFileSync(${JSON.stringify(job)}));
      child.stdout.on('data', () => console.log(child.pid));`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const pid = Number(
      String(await new Promise((resolve) => parent.stdout.once('data', resolve))).split('\n')[0],
    );
    while (
      (await server.psql("SELECT count(*) FROM pg_stat_activity WHERE query ~ '^COPY'")) === '0'
    )
      await sleep(20);
    parent.kill('SIGKILL');
    const since = Date.now();
    while (isAlive(pid)) {
      expect(Date.now() - since).toBeLessThan(ENDING_MS);
      await sleep(20);
    }
    expect(await backendsLeft(server)).toBe('');
    expect(await unfinished(store)).toEqual([]);
  });
});

describe('a shipper fails', () => {
  it('naming the snapshot when that no longer exists', async () => {
    const gone = await holdSnapshot(server);
    await gone.session.close();
    const shipper = runShipper({ ...endless(), snapshotId: gone.id });
    expect((await shipper.exit).code).toBe(6);
    expect(await shipper.reported('failed')).toMatchObject({
      code: 'database/failed',
      message: expect.stringContaining('snapshot'),
    });
    expect(await backendsLeft(server)).toBe('');
  });

  it('with a storage error when the store stops working', async () => {
    const shipper = runShipper(endless(300_000));
    await shipper.reported('receipt');
    await putFileInPlaceOf(join(directory, '.tmp'));
    expect((await shipper.exit).code).toBe(5);
    expect((await shipper.reported('failed')).code).toMatch(/^storage\//);
    expect(await backendsLeft(server)).toBe('');
  });

  it('without waiting when the root of the store is a file', async () => {
    const file = join(directory, 'not-a-folder');
    await writeFile(file, '');
    const shipper = runShipper({ ...endless(), store: { root: `file://${file}` } });
    const since = Date.now();
    expect((await shipper.exit).code).toBe(2);
    expect(Date.now() - since).toBeLessThan(60_000);
    expect((await shipper.reported('failed')).code).toBe('config/invalid');
    expect(await backendsLeft(server)).toBe('');
  });

  it('naming a table that does not exist', async () => {
    const job = backupJob(server, held.id, directory, [{ name: 'no_such_table', columns: ['i'] }], {
      metadata: [],
    });
    const shipper = runShipper(job);
    expect((await shipper.exit).code).toBe(6);
    const { code, message } = await shipper.reported('failed');
    expect(code).toBe('database/failed');
    expect(message).toContain('no_such_table');
  });
});

describe('a shipper with a wrong input', () => {
  const secret = 'hunter2-correct-horse';
  it.each([
    ['a line that is not JSON', `{"password":"${secret}"`],
    ['an unknown job', { control: CONTROL_VERSION, type: secret }],
    ['another protocol version', { control: 1, type: 'backup', target: { password: secret } }],
    [
      'a job without required fields',
      { control: CONTROL_VERSION, type: 'backup', target: { password: secret } },
    ],
  ])('rejects %s', async (_, line) => {
    const shipper = runShipper(line);
    expect((await shipper.exit).code).toBe(3);
    expect((await shipper.reported('failed')).code).toBe('shipper/protocol');
    expect(JSON.stringify(shipper.reports) + shipper.stderr()).not.toContain(secret);
  });

  it('fails when standard input ends without a job', async () => {
    const shipper = runShipper();
    shipper.child.stdin.end();
    expect((await shipper.exit).code).toBe(3);
  });

  it('rejects an order with an unknown phase', async () => {
    const { control, content, target, store, workers } = backupJob(server, held.id, directory, []);
    const job = { control, content, target, store, workers };
    const restore = { ...job, type: 'restore', restore: '20260131120000000-00000000' };
    const shipper = runShipper(restore, { type: 'order', phase: 'coffee' });
    expect((await shipper.exit).code).toBe(3);
    expect((await shipper.reported('failed')).code).toBe('shipper/protocol');
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
