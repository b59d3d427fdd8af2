import { readdir, readFile, readlink } from 'node:fs/promises';
import { quoteLiteral } from '../../../database/session/quote.ts';
import type { RunningCli } from '../../support/cli.ts';
import { shipperPids } from '../../support/e2e/interrupted-run.ts';
import { readUntil } from '../../support/wait-for.ts';
import type { TestDatabase } from './database.ts';

/** A run, its database, and the folder of its FIFOs. */
export interface RunUnderTest {
  readonly run: RunningCli;
  readonly database: TestDatabase;
  readonly fifoBase: string;
}

/**
 * Injects a fault. @throws when there is nothing to kill or terminate: that would prove nothing.
 */
export type Fault = (victim: RunUnderTest) => Promise<void>;

/** Kills the program that the server started for COPY ON SEGMENT: its shell, or its `cat`. */
export const killProgram =
  (which: 'sh' | 'cat', content: number): Fault =>
  async ({ fifoBase }) => {
    const pid = await waitForPositive(`a ${which} at the FIFOs of content ${content}`, async () => {
      const all = await processesUsing(fifoBase);
      const shells = all.filter(
        ({ args }) =>
          args[1] === '-c' && args[2]?.includes(`-${content}';`) && args[2].includes('mkfifo'),
      );
      // A shell without a cat at the FIFO is not connected to the shipper yet.
      const cats = all.filter(
        ({ args, parent }) =>
          args[0] === 'cat' && shells.some(({ pid: shell }) => shell === parent),
      );
      const [cat] = cats;
      return which === 'cat' ? cat?.pid : cat?.parent;
    });
    process.kill(pid, 'SIGKILL');
  };

/** Kills a backend of a segment that copies rows. The server of the segment restarts after that. */
export const killBackend =
  (content: number): Fault =>
  async ({ database }) => {
    process.kill(await waitForCopy(database, content), 'SIGKILL');
  };

/** Kills a shipper. */
export const killShipper =
  (content: number): Fault =>
  ({ run }) => {
    process.kill(shipperPids(run).get(content) ?? Number.NaN, 'SIGKILL');
    return Promise.resolve();
  };

/** Ends a session of Stowage on the coordinator by pg_terminate_backend. */
export const terminateSession =
  (applicationName: string): Fault =>
  async ({ database }) => {
    await waitForPositive(`session ${applicationName}`, async () => {
      const ended = await database.psql(
        `SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
         WHERE datname = current_database() AND application_name LIKE ${quoteLiteral(applicationName)} LIMIT 1) one`,
      );
      return Number(ended);
    });
  };

/** Waits until a backend of a segment runs COPY. Returns its process id. */
export function waitForCopy(database: TestDatabase, content: number): Promise<number> {
  return waitForPositive(`a COPY on content ${content}`, async () => {
    const pid = await database
      .psqlOn(
        content,
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
         AND query LIKE '%COPY %' AND pid <> pg_backend_pid() LIMIT 1`,
      )
      .catch((error: unknown) => {
        // The restore has not created the database yet.
        if (!String(error).includes('does not exist')) throw error;
      });
    return Number(pid ?? 0);
  });
}

async function waitForPositive(
  what: string,
  read: () => Promise<number | undefined>,
): Promise<number> {
  const number = await readUntil(read, (answer) => answer !== undefined && answer > 0, 30_000);
  if (number === undefined || number === 0)
    throw new Error(`cannot inject the fault: there is no ${what}`);
  return number;
}

/** Waits until every segment answers: a server restarts after one of its processes was killed. */
export async function waitForSegments({ database }: Pick<RunUnderTest, 'database'>): Promise<void> {
  const query = () => database.psql(`SELECT count(*) FROM gp_dist_random('gp_id')`).catch(String);
  const answer = await readUntil(
    query,
    (text) => text === String(database.cluster.segments.length),
    60_000,
  );
  if (Number.isNaN(Number(answer))) throw new Error(`the cluster did not restart: ${answer}`);
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly args: readonly string[];
}

/** Processes that have this folder in their arguments, or a file of it open. */
async function processesUsing(folder: string): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const seen = await Promise.all(
    pids.map((pid) => readProcess(Number(pid), folder).catch(() => undefined)),
  );
  return seen.filter((one) => one !== undefined);
}

async function readProcess(pid: number, folder: string): Promise<Process | undefined> {
  const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
  const open = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const files = await Promise.all(
    open.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')),
  );
  if (![...args, ...files].some((text) => text.includes(folder))) return undefined;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : { pid, parent: Number(fields[1]), args };
}

/** What `leftoversOf` returns when a run has left nothing. */
export const NO_LEFTOVERS = { processes: [], folders: [], inDatabase: '' };

/**
 * What remains of a run: shippers and programs of the server, FIFO folders, and sessions, locks,
 * prepared transactions and schemas in the servers. Waits until each is gone.
 */
export async function leftoversOf({ run, database, fifoBase }: RunUnderTest) {
  const shippers = [...shipperPids(run).values()];
  const processes = async () => {
    const all = await processesUsing(fifoBase);
    const alive = await Promise.all(
      shippers.map((pid) => readProcess(pid, '').catch(() => undefined)),
    );
    return [...all, ...alive.filter((one) => one !== undefined)].map(
      ({ pid, args }) => `${pid}: ${args.join(' ').slice(0, 200)}`,
    );
  };
  return {
    processes: await readUntil(processes, (left) => left.length === 0),
    folders: await readUntil(
      () => readdir(fifoBase),
      (left) => left.length === 0,
    ),
    inDatabase: await readUntil(
      () => leftoversIn(database),
      (left) => left === '',
    ),
  };
}

/** Sessions, locks, prepared transactions, and schemas of Stowage; its mark is to stay. */
async function leftoversIn(database: TestDatabase): Promise<string> {
  const here = `(SELECT oid FROM pg_database WHERE datname = current_database())`;
  const sql = `SELECT 'session', pid::text, application_name, query FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()
    UNION ALL SELECT 'lock', pid::text, mode, relation::regclass::text FROM pg_locks
      WHERE database = ${here} AND relation >= 16384 AND pid <> pg_backend_pid()
    UNION ALL SELECT 'prepared', gid, owner::text, prepared::text FROM pg_prepared_xacts WHERE database = current_database()
    UNION ALL SELECT 'schema', nspname, '', '' FROM pg_namespace
      WHERE nspname LIKE 'stowage%' AND nspname <> 'stowage_unfinished_restore'`;
  const contents = database.cluster.segments.map(({ content }) => content);
  const answers = await Promise.all([
    database.psql(sql),
    ...contents.map((content) => database.psqlOn(content, sql)),
  ]);
  return answers.filter((answer) => answer !== '').join('\n');
}
