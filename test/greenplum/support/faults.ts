import { readdir, readFile, readlink } from 'node:fs/promises';
import { quoteLiteral } from '../../../database/session/quote.ts';
import type { RunningCli } from '../../support/cli.ts';
import { shipperPids } from '../../support/e2e/interrupted-run.ts';
import { readUntil } from '../../support/wait-for.ts';
import type { TestDatabase } from './database.ts';

/** What a blow may strike: a run, the database it works on, and the folder where its FIFOs are. */
export interface RunUnderTest {
  readonly run: RunningCli;
  readonly database: TestDatabase;
  readonly fifoBase: string;
}

/** Resolves when it has struck. @throws when there was nothing to strike: that would prove nothing. */
export type Fault = (victim: RunUnderTest) => Promise<void>;

/** kill -9 of the program that the server started for a COPY ON SEGMENT: its shell, or the `cat` that carries the rows. */
export const killProgram =
  (which: 'sh' | 'cat', content: number): Fault =>
  async ({ fifoBase }) => {
    const pid = await waitForPositive(`a ${which} at the FIFOs of content ${content}`, async () => {
      const all = await processesUsing(fifoBase);
      const shells = all.filter(
        ({ words }) =>
          words[1] === '-c' && words[2]?.includes(`-${content}';`) && words[2].includes('mkfifo'),
      );
      // Before its cat is at the FIFO a shell has yet to meet the shipper.
      const cats = all.filter(
        ({ words, parent }) =>
          words[0] === 'cat' && shells.some(({ pid: shell }) => shell === parent),
      );
      const [cat] = cats;
      return which === 'cat' ? cat?.pid : cat?.parent;
    });
    process.kill(pid, 'SIGKILL');
  };

/** kill -9 of a server process that copies rows on a segment; its whole server starts again for that. */
export const killBackend =
  (content: number): Fault =>
  async ({ database }) => {
    process.kill(await waitForCopy(database, content), 'SIGKILL');
  };

/** kill -9 of a shipper. */
export const killShipper =
  (content: number): Fault =>
  ({ run }) => {
    process.kill(shipperPids(run).get(content) ?? Number.NaN, 'SIGKILL');
    return Promise.resolve();
  };

/** pg_terminate_backend of a session of Stowage on the coordinator. */
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

/** Waits for a server process on a segment that is in the midst of a COPY; its process id. */
export function waitForCopy(database: TestDatabase, content: number): Promise<number> {
  return waitForPositive(`a COPY on content ${content}`, async () => {
    const pid = await database
      .psqlOn(
        content,
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
         AND query LIKE '%COPY %' AND pid <> pg_backend_pid() LIMIT 1`,
      )
      .catch((error: unknown) => {
        // A restore has yet to make it.
        if (!String(error).includes('does not exist')) throw error;
      });
    return Number(pid ?? 0);
  });
}

async function waitForPositive(
  what: string,
  readProcess: () => Promise<number | undefined>,
): Promise<number> {
  const number = await readUntil(
    readProcess,
    (answer) => answer !== undefined && answer > 0,
    30_000,
  );
  if (number === undefined || number === 0)
    throw new Error(`the moment to strike never came: no ${what}`);
  return number;
}

/** Waits until every segment answers again: a server whose process was killed starts anew. */
export async function waitForSegments({ database }: Pick<RunUnderTest, 'database'>): Promise<void> {
  const ask = () => database.psql(`SELECT count(*) FROM gp_dist_random('gp_id')`).catch(String);
  const answer = await readUntil(
    ask,
    (text) => text === String(database.cluster.segments.length),
    60_000,
  );
  if (Number.isNaN(Number(answer))) throw new Error(`the cluster did not come back: ${answer}`);
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly words: readonly string[];
}

/** Processes that name this folder, or have a file of it open. */
async function processesUsing(folder: string): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const seen = await Promise.all(
    pids.map((pid) => readProcess(Number(pid), folder).catch(() => undefined)),
  );
  return seen.filter((one) => one !== undefined);
}

async function readProcess(pid: number, folder: string): Promise<Process | undefined> {
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
  const open = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const files = await Promise.all(
    open.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')),
  );
  if (![...words, ...files].some((text) => text.includes(folder))) return undefined;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : { pid, parent: Number(fields[1]), words };
}

/** Nothing may be left of a run that is over, but what it takes a moment to notice. */
export const NO_LEFTOVERS = { processes: [], folders: [], inDatabase: '' };

/** What is left of a run: processes (its own, its children, programs of the server), FIFO folders, and what the servers hold. */
export async function leftoversOf({ run, database, fifoBase }: RunUnderTest) {
  const shippers = [...shipperPids(run).values()];
  const processes = async () => {
    const all = await processesUsing(fifoBase);
    const alive = await Promise.all(
      shippers.map((pid) => readProcess(pid, '').catch(() => undefined)),
    );
    return [...all, ...alive.filter((one) => one !== undefined)].map(
      ({ pid, words }) => `${pid}: ${words.join(' ').slice(0, 200)}`,
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

/** Sessions, locks, transactions that were prepared and never ended, and canaries. */
async function leftoversIn(database: TestDatabase): Promise<string> {
  const here = `(SELECT oid FROM pg_database WHERE datname = current_database())`;
  const sql = `SELECT 'session', pid::text, application_name, query FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()
    UNION ALL SELECT 'lock', pid::text, mode, relation::regclass::text FROM pg_locks
      WHERE database = ${here} AND relation >= 16384 AND pid <> pg_backend_pid()
    UNION ALL SELECT 'prepared', gid, owner::text, prepared::text FROM pg_prepared_xacts WHERE database = current_database()
    UNION ALL SELECT 'schema', nspname, '', '' FROM pg_namespace WHERE nspname LIKE 'stowage%'`;
  const contents = database.cluster.segments.map(({ content }) => content);
  const answers = await Promise.all([
    database.psql(sql),
    ...contents.map((content) => database.psqlOn(content, sql)),
  ]);
  return answers.filter((answer) => answer !== '').join('\n');
}
