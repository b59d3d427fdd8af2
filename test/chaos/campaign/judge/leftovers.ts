import { readdir, readFile } from 'node:fs/promises';
import pino from 'pino';
import { sweep } from '../../../../functions/sweep/sweep.ts';
import type { ObjectStore } from '../../../../storage/store.ts';
import type { TestServer } from '../../../support/servers/postgres.ts';
import { readUntil } from '../../../support/wait-for.ts';
import { type Lane, temporaryFolder } from '../lane.ts';
import type { Finding } from './judge.ts';

/** A server notices late that a client has gone; a shipper may wait 15 s for its tools. */
const GONE_MS_MAX = 30_000;
/** Later than any time after which the sweeper removes the upload of a dead shipper. */
const SWEEP_LATER_MS = 3 * 3_600_000;

/** What a run has left behind. Waits until nothing is left, for a bounded time. */
export async function leftovers(lane: Lane, root: string): Promise<Finding[]> {
  const left = await readUntil(
    async () => [
      ...(await Promise.all(lane.servers.map(leftInServer))).flat(),
      ...(await runningProcesses(lane)),
      ...(await readdir(temporaryFolder(lane))).map((name) => `temporary file ${name}`),
    ],
    (found) => found.length === 0,
    GONE_MS_MAX,
  );
  const uploads = await sweptUploads(lane, root);
  return [...left, ...uploads].map((what) => ({ kind: 'leftover', what }));
}

const LEFT_IN_SERVER = `
SELECT concat_ws(' ', 'session', pid, application_name, datname, state, wait_event, left(query, 80)) FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND application_name NOT LIKE 'stowage-test%' AND pid <> pg_backend_pid()
UNION ALL SELECT concat_ws(' ', 'advisory lock', pid, classid, objid) FROM pg_locks WHERE locktype = 'advisory'
UNION ALL SELECT concat_ws(' ', 'prepared transaction', gid) FROM pg_prepared_xacts
UNION ALL SELECT concat_ws(' ', 'replication slot', slot_name) FROM pg_replication_slots`;

async function leftInServer(server: TestServer): Promise<string[]> {
  // A server that restarts after a crash answers soon.
  const text = await server.psql(LEFT_IN_SERVER).catch((error: unknown) => String(error));
  return text === '' ? [] : text.split('\n').map((line) => `${line} on port ${server.port}`);
}

/** Sessions that wait or work, and what blocks them. */
export async function sessionsOf({ servers }: Lane): Promise<string> {
  const sql = `SELECT concat_ws(' ', pid, application_name, state, wait_event, 'blocked by', pg_blocking_pids(pid)::text, left(query, 60))
    FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;
  const each = await Promise.all(servers.map((server) => server.psql(sql).catch(String)));
  return each.map((lines, content) => `content ${content}: ${lines}`).join('; ');
}

/** Processes that have the temporary folder of the lane in their environment: those of its runs. */
async function runningProcesses(lane: Lane): Promise<string[]> {
  const mark = `TMPDIR=${temporaryFolder(lane)}\0`;
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    ids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      if (!environment.includes(mark)) return [];
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return command === '' ? [] : [`process ${pid} ${command.replaceAll('\0', ' ')}`];
    }),
  );
  return found.flat();
}

/** Uploads that the sweeper does not remove, at a time when it removes those of dead shippers. */
async function sweptUploads(lane: Lane, root: string): Promise<string[]> {
  const store = await lane.direct.open(root);
  try {
    if ((await pendingIn(store)).length > 0)
      await sweep(
        {
          store: { ...store, now: async () => new Date(Date.now() + SWEEP_LATER_MS) },
          clock: () => new Date(),
          log: pino({ level: 'silent' }),
        },
        { overdueAfterSeconds: 1 },
      );
    return (await pendingIn(store)).map((key) => `upload ${key} after a sweep`);
  } finally {
    await store.close();
  }
}

async function pendingIn(store: ObjectStore): Promise<string[]> {
  return (await Array.fromAsync(store.pendingUploads(''))).map(({ key }) => key);
}
