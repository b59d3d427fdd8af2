import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { withLockWatch } from '../../../../database/lock-watch/watch.ts';
import { openSession, type Session } from '../../../../database/session/session.ts';
import { dumpSchema } from '../../../../database/tools/dump.ts';
import { restoreSchema } from '../../../../database/tools/restore.ts';
import { startFakePostgres } from '../../../support/servers/fake-postgres.ts';
import { startPostgres, type TestServer } from '../../../support/servers/postgres.ts';
import { waitUntil } from '../../../support/wait-for.ts';

const OWN = 'stowage restore 20261122190000 content 0';
const watch = (limitMs: number) => ({ own: { name: OWN }, limitMs, advice: 'Do this.' });

let server: TestServer;
let folder: string;
let opened: Session[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-locks-'));
  server = await startPostgres();
  await server.psql(`CREATE TABLE public.t (i int);
    CREATE TABLE public.indexed (i int); CREATE INDEX at_i ON public.indexed (i)`);
  await server.psql('CREATE DATABASE target');
});
afterEach(async () => {
  await Promise.all(opened.map((session) => session.destroy()));
  opened = [];
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function connect(applicationName: string, database?: string): Promise<Session> {
  const session = await openSession(server.target(database), {
    purpose: 'restore',
    applicationName,
  });
  opened.push(session);
  return session;
}

const never = new AbortController().signal;

describe('the watch on locks', () => {
  it('stops pg_restore, which has no lock timeout, and names relation and session', async () => {
    const file = join(folder, 'schema.dump');
    const { stdout, done } = dumpSchema(server.target(), undefined);
    await Promise.all([pipeline(stdout, createWriteStream(file)), done]);
    const target = server.target('target');
    await restoreSchema(target, file, { section: 'pre-data' });
    const other = await connect('billing', 'target');
    await other.query('BEGIN; INSERT INTO public.indexed VALUES (1)');
    const restoring = withLockWatch(target, watch(1_000), never, (signal) =>
      restoreSchema(target, file, { section: 'post-data', signal, label: OWN }),
    );
    await expect(restoring).rejects.toMatchObject({
      code: 'database/locked',
      where: { content: 0, relation: 'public.indexed' },
      message: expect.stringMatching(
        new RegExp(
          `^"${OWN} pg_restore [0-9.]+" has waited 1 s for a lock on public.indexed on content 0 .*: blocked by pid ${other.pid} \\(user \\w+, application billing, idle in transaction\\): BEGIN; INSERT INTO public.indexed VALUES \\(1\\). Do this.$`,
        ),
      ) as string,
    });
    const left = `SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'stowage%' AND application_name <> 'stowage-test-psql'`;
    await waitUntil(async () => (await server.psql(left)) === '0');
  });

  it('does not stop a session that waits for another one of the same order', async () => {
    const [first, second] = [await connect(`${OWN} worker 1`), await connect(`${OWN} worker 2`)];
    await first.query('BEGIN; LOCK TABLE public.t');
    const working = withLockWatch(server.target(), watch(500), never, async () => {
      const waiting = second.query('SELECT FROM public.t');
      await sleep(2_000);
      await first.query('COMMIT');
      return waiting;
    });
    expect(await working).toEqual([]);
  });

  it('does not take sessions of another content for its own', async () => {
    const [other, ours] = [await connect('billing'), await connect(`${OWN}1 worker 1`)];
    await other.query('BEGIN; LOCK TABLE public.t');
    const working = withLockWatch(server.target(), watch(500), never, async () => {
      const waiting = ours.query('SELECT FROM public.t');
      await sleep(2_000);
      await other.query('COMMIT');
      return waiting;
    });
    expect(await working).toEqual([]);
  });
});

describe('the watch on locks of a server that does not answer it', () => {
  it('does not delay the end of the work', async () => {
    const silent = await startFakePostgres(() => {});
    try {
      const work = async () => {
        await sleep(1_500);
        return 'done';
      };
      expect(await withLockWatch(silent.target, watch(500), never, work)).toBe('done');
    } finally {
      await silent.stop();
    }
  });
});

describe('every session', () => {
  it('waits at most as long for a lock as it was opened for', async () => {
    const other = await connect('billing');
    await other.query('BEGIN; LOCK TABLE public.t');
    const session = await openSession(server.target(), {
      purpose: 'probe',
      applicationName: 'stowage doctor',
      lockTimeoutMs: 200,
    });
    opened.push(session);
    await expect(session.query('SELECT FROM public.t')).rejects.toMatchObject({
      code: 'database/locked',
    });
    const usual = await connect('stowage restore');
    expect(await usual.query('SHOW lock_timeout')).toEqual([{ lock_timeout: '90s' }]);
  });
});
