import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  type CliResult,
  failureOf,
  type RunningCli,
  startStowage,
  stowage,
} from '../../support/cli.ts';
import { type RunningAgent, startAgent } from '../../support/e2e/agents.ts';
import { configFor, DATABASE, databasesOf, leftoversOnAll } from '../../support/e2e/cluster.ts';
import { HOLDING_SQL, holdRows, releaseRows } from '../../support/e2e/held-rows.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { repeated } from '../../support/repeats/repeated.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { bigTable } from '../../support/trouble/trouble.ts';
import { waitFor } from '../../support/wait-for.ts';

const TARGET = 'target';
const MARK = 'stowage_unfinished_restore';

/** An index on `slow` is built slowly while the setting is on, so that the build can be killed. */
const SQL = `
CREATE FUNCTION slow(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
  BEGIN IF current_setting('shop.slow', true) = 'on' THEN PERFORM pg_sleep(30); END IF; RETURN i; END $$;
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE kept (id int PRIMARY KEY, v text, CONSTRAINT late CHECK (id < 1000) NOT VALID);
INSERT INTO kept SELECT i, 'v' || i FROM generate_series(1, 100) i;
CREATE TABLE refers (id serial PRIMARY KEY, kept int REFERENCES kept);
INSERT INTO refers (kept) SELECT i FROM generate_series(1, 50) i;
CREATE TABLE part (i int PRIMARY KEY, kept int) PARTITION BY LIST (i);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1); INSERT INTO part VALUES (1, 1);
CREATE INDEX part_kept ON part (kept);
CREATE INDEX kept_v ON kept (v);
COMMENT ON INDEX kept_v IS 'of the values';
ALTER TABLE kept CLUSTER ON kept_v;
CREATE INDEX refers_slow ON refers (slow(kept)) WHERE id = 1;
CREATE TRIGGER nothing BEFORE INSERT ON kept FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TRIGGER of_parts AFTER INSERT ON part FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE RULE quiet AS ON DELETE TO refers DO ALSO NOTHING;
ALTER TABLE refers ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON refers USING (true);
CREATE STATISTICS kept_both ON id, v FROM kept;
CREATE MATERIALIZED VIEW seen AS SELECT count(*) AS n FROM kept;
CREATE UNIQUE INDEX seen_n ON seen (n);
CREATE PUBLICATION news FOR TABLE kept;
SELECT lo_from_bytea(4242, 'large'), lo_from_bytea(4243, 'objects');
`;

/** Definitions and values that count as restored, one a line. */
const CONTENTS = `
SELECT count(*), sum(hashtextextended(t::text, 0)) FROM big.lineitem t;
SELECT sum(hashtextextended(t::text, 0)) FROM kept t;
SELECT sum(hashtextextended(t::text, 0)) FROM refers t;
SELECT sum(hashtextextended(t::text, 0)) FROM part t;
SELECT n FROM seen;
SELECT last_value FROM refers_id_seq;
SELECT loid, data FROM pg_largeobject ORDER BY 1;
SELECT pg_get_indexdef(indexrelid), indisvalid, indisclustered, obj_description(indexrelid) FROM pg_index
  WHERE indrelid >= 16384 AND indrelid NOT IN (SELECT oid FROM pg_class WHERE relkind = 't') ORDER BY 1;
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid >= 16384 ORDER BY 1, 2;
SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2;
SELECT rulename, ev_class::regclass::text FROM pg_rewrite WHERE ev_class >= 16384 ORDER BY 1, 2;
SELECT polname FROM pg_policy ORDER BY 1;
SELECT relname, relrowsecurity FROM pg_class WHERE relkind IN ('r', 'p') AND oid >= 16384 ORDER BY 1;
SELECT stxname FROM pg_statistic_ext ORDER BY 1;
SELECT pubname, tablename FROM pg_publication_tables ORDER BY 1, 2;
SELECT nspname FROM pg_namespace WHERE oid >= 16384 ORDER BY 1;
SELECT datconnlimit FROM pg_database WHERE datname = current_database();
`;

let place: Place;
let servers: TestServer[];
let [root, config, byAgents, timestamp] = ['', '', '', ''];
let source: string[] = [];
let agent: RunningAgent | undefined;

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(2, { databases: [DATABASE] });
  for (const [content, server] of servers.entries())
    for (const sql of [...bigTable(5, content), HOLDING_SQL, SQL]) await server.psql(sql, DATABASE);
  root = place.newRoot();
  config = await configFor(place, servers, root);
  byAgents = await configFor(place, servers, root, { shippers: { workers: 2, start: 'agents' } });
  timestamp = (await stowage(['backup'], { config })).json.timestamp;
  source = await Promise.all(servers.map((server) => server.psql(CONTENTS, DATABASE)));
});
afterEach(async () => {
  agent?.kill('SIGKILL');
  await agent?.ended;
  agent = undefined;
  await releaseRows(servers ?? []);
  for (const server of servers ?? []) {
    await server.psql(`ALTER ROLE ${server.user} RESET shop.slow`);
    for (const name of await databasesOf(server))
      if (name !== DATABASE) await server.psql(`DROP DATABASE ${name} WITH (FORCE)`);
  }
});
afterAll(async () => {
  await stopAll(servers);
  await place?.stop();
});

function restoring(args: readonly string[], at = config, plain = false): RunningCli {
  return startStowage(['restore', ...args], { config: at, plain });
}
const into = (...more: string[]) => [timestamp, '--no-verify', '--database', TARGET, ...more];
const resuming = (id: string, at = config) => restoring(['--resume', id], at);
const idOf = async (restore: RunningCli) => String((await restore.waitForEvent('request'))['id']);

/** Waits until content 1 runs a statement like this in the target; returns the pid. */
async function running(statement: string): Promise<number> {
  const sql = `SELECT pid FROM pg_stat_activity WHERE datname = '${TARGET}' AND query LIKE '${statement}' AND state = 'active'`;
  return waitFor(statement, async () => Number(await servers[1]?.psql(sql)) || undefined);
}

/** A restore that stays in the middle of COPY into `big.lineitem`, until the rows are released. */
async function inTheMiddle(...of: Parameters<typeof restoring>): Promise<RunningCli> {
  await holdRows(servers);
  const restore = restoring(...of);
  await running('%COPY "big"%');
  return restore;
}

/** Kills the command with SIGKILL, and waits until its shippers have ended. */
async function killed(restore: RunningCli): Promise<string> {
  const id = await idOf(restore);
  restore.kill('SIGKILL');
  await restore.ended;
  expect(await leftoversOnAll(servers)).toEqual([]);
  await releaseRows(servers);
  return id;
}

async function isRestored(result: CliResult): Promise<void> {
  expect(failureOf(result)).toBeUndefined();
  expect(result.json).toMatchObject({ status: 'restored', problems: [] });
  for (const [content, server] of servers.entries())
    expect(await server.psql(CONTENTS, TARGET)).toBe(source[content]);
}

async function isRefused(args: readonly string[], message: RegExp): Promise<void> {
  const { code, json } = await restoring(args).ended;
  expect(json.error?.code).toBe('restore/refused');
  expect(json.error.message).toMatch(message);
  expect(code).toBe(4);
}

const slowIndexes = (setting: 'on' | 'off') =>
  Promise.all(
    servers.map((one) => one.psql(`ALTER ROLE ${one.user} SET shop.slow = '${setting}'`)),
  );

describe('a restore with --create that is killed while it loads rows', () => {
  test('leaves a mark that refuses every other restore, and its resume keeps the loaded tables', async () => {
    const restore = await inTheMiddle(into('--create'));
    await waitFor('the small tables', async () =>
      (await servers[1]?.psql('SELECT count(*) FROM kept', TARGET)) === '100' ? true : undefined,
    );
    const id = await killed(restore);
    const loadedBy = await servers[1]?.psql('SELECT DISTINCT xmin FROM kept', TARGET);

    const commands = new RegExp(
      `database target on content \\d .* holds an unfinished restore of set ${timestamp} \\(restore id: ${id}\\).*\`stowage restore --resume ${id}\`, or drop it and start again with \`stowage restore ${timestamp} --create --drop-unfinished\``,
    );
    for (const mode of [['--truncate'], ['--create'], []]) await isRefused(into(...mode), commands);

    await isRestored(await resuming(id).ended);
    expect(await servers[1]?.psql('SELECT DISTINCT xmin FROM kept', TARGET)).toBe(loadedBy);
    await isRefused(['--resume', id], /cannot be resumed: no database target .* is marked by it/);
    await isRestored(await restoring(into('--truncate')).ended);
  });

  repeated('is resumed where pre-data was not noted, or had not begun', async () => {
    const restore = await inTheMiddle(into('--create'));
    const id = await killed(restore);
    const begun = `{"restore":"${id}","set":"${timestamp}","mode":"create","reached":"begun"}`;
    await servers[0]?.psql(`COMMENT ON SCHEMA ${MARK} IS '${begun}'`, TARGET);
    await servers[1]?.psql(`DROP DATABASE ${TARGET} WITH (FORCE)`);
    await isRestored(await resuming(id).ended);
  });

  repeated('is resumed after a crash of a server, which ends all of its sessions', async () => {
    const restore = await inTheMiddle(into('--create'));
    process.kill(await running('%COPY "big"%'), 'SIGKILL');
    const { code, json } = await restore.ended;
    expect(json).toMatchObject({ status: 'failed', targetChanged: true });
    expect(code).toBe(3);
    await waitFor('the recovery of the server', () =>
      servers[1]?.psql('SELECT 1').catch(() => undefined),
    );
    await releaseRows(servers);
    await isRestored(await resuming(await idOf(restore)).ended);
  });

  test('names both ways to go on after Ctrl-C, and starts again with --drop-unfinished', async () => {
    const restore = await inTheMiddle(into('--create'), config, true);
    restore.kill('SIGINT');
    const { code, text } = await restore.ended;
    expect(text).toMatch(/continue with `stowage restore --resume \d{17}-[0-9a-f]{8}`/);
    expect(text).toContain(`\`stowage restore ${timestamp} --create --drop-unfinished\``);
    expect(code).toBe(130);
    await releaseRows(servers);

    await servers[0]?.psql(`DROP SCHEMA ${MARK}`, TARGET);
    await isRefused(into('--create', '--drop-unfinished'), /content 0 .* has no mark/);
    // As after a kill between CREATE DATABASE and the mark.
    await servers[0]?.psql(`DROP DATABASE ${TARGET}`);
    await servers[0]?.psql(`CREATE DATABASE ${TARGET} CONNECTION LIMIT ${0x53_54_4f_57}`);
    const again = await restoring(into('--create', '--drop-unfinished')).ended;
    expect(again.stderrEvents).toContainEqual(
      expect.objectContaining({ event: 'dropping', contents: [0, 1], database: TARGET }),
    );
    await isRestored(again);
  });
});

repeated('a restore that is killed while it prepares the target is resumed', async () => {
  await holdRows(servers);
  const restore = restoring(into('--create'));
  await waitFor('the mark', async () =>
    servers[1]
      ?.psql(`SELECT nullif(count(*), 0) FROM pg_namespace WHERE nspname = '${MARK}'`, TARGET)
      .then((found) => found || undefined)
      .catch(() => undefined),
  );
  await isRestored(await resuming(await killed(restore)).ended);
});

test('a restore that is killed while it builds an index is resumed, and so is its resume', async () => {
  await slowIndexes('on');
  const restore = restoring(into('--create'));
  await running('CREATE INDEX refers_slow%');
  const id = await killed(restore);
  const resume = resuming(id);
  await running('CREATE INDEX refers_slow%');
  const again = await killed(resume);
  expect(again).not.toBe(id);
  await slowIndexes('off');
  await isRestored(await resuming(again).ended);
});

test('a backup and the doctor of an unfinished database say so, and its set does not have the mark', async () => {
  const restore = await inTheMiddle(into('--create'));
  const id = await killed(restore);
  const other = { config: await configFor(place, servers, place.newRoot(), { database: TARGET }) };
  const backup = await stowage(['backup', '--exclude-table', 'big.lineitem'], other);
  expect(backup.stderrEvents).toContainEqual(
    expect.objectContaining({ event: 'unfinished-restore', restore: id }),
  );
  const doctor = await stowage(['doctor'], { ...other, plain: true });
  expect(doctor.text).toMatch(
    new RegExp(`^note +content 0 +unfinished restore .*--resume ${id}`, 'm'),
  );
  const args = ['restore', backup.json.timestamp, '--create', '--database', 'copied'];
  expect((await stowage(args, other)).json.status).toBe('restored');
  const schemas = `SELECT count(*) FROM pg_namespace WHERE nspname IN ('${MARK}', 'big')`;
  expect(await servers[0]?.psql(schemas, 'copied')).toBe('1');
});

describe('a restore into a database that exists', () => {
  test('leaves no mark when its schema cannot be restored, and is resumed after SIGKILL', async () => {
    for (const server of servers) {
      await server.psql(`CREATE DATABASE ${TARGET}`);
      await server.psql("CREATE FUNCTION nothing() RETURNS int LANGUAGE sql AS 'SELECT 1'", TARGET);
    }
    const failed = await restoring(into()).ended;
    expect(failed.json.status).toBe('failed');
    for (const server of servers) {
      const left = `SELECT nspname FROM pg_namespace WHERE nspname IN ('${MARK}', 'big')`;
      expect(await server.psql(left, TARGET)).toBe('');
      await server.psql('DROP FUNCTION nothing()', TARGET);
    }
    const restore = await inTheMiddle(into());
    const id = await killed(restore);
    await isRefused(into('--create', '--drop-unfinished'), /existed before the unfinished restore/);
    await isRestored(await resuming(id).ended);
  });

  repeated('with --truncate is resumed by agents, and empties what differs', async () => {
    await isRestored(await restoring(into('--create')).ended);
    const serves = new Map(servers.map((server, content) => [content, server]));
    agent = await startAgent({ place, root, name: 'both', serves });
    const restore = await inTheMiddle(into('--truncate'), byAgents);
    agent.kill('SIGKILL');
    await agent.ended;
    // A backend that executes a statement does not notice that its client has ended.
    await releaseRows(servers);
    const id = await killed(restore);
    await isRefused(into('--truncate', '--include-table', 'public.kept'), /--resume/);
    await servers[0]?.psql("INSERT INTO kept VALUES (200, 'of an application')", TARGET);
    agent = await startAgent({ place, root, name: 'both', serves });
    await isRestored(await resuming(id, byAgents).ended);
  });
});

test('--resume of a restore that this root does not have is refused', async () => {
  const id = '20261122202553617-054d2139';
  await isRefused(['--resume', id], new RegExp(`there is no restore ${id} under file://`));
});
