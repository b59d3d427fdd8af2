/** Makes the golden sets of this version of the format, once: `node test/golden/make.ts NAME`. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stringify } from 'yaml';
import { openStore } from '../../storage/open.ts';
import { replayBackup } from '../support/adopt/gpbackup-replay.ts';
import { stowage, writeConfig } from '../support/cli.ts';
import { testKeys } from '../support/e2e/encryption.ts';
import { GPBACKUP_PLUGIN } from '../support/programs/programs.ts';
import { startCluster, stopAll } from '../support/servers/postgres.ts';
import { postgres17 } from '../support/servers/postgres-17.ts';
import { GOLDEN, rowsIn } from './made.ts';

/** Types, NULL, escapes, an empty table, a partitioned one, large objects, sequences. */
const SCHEMA = `CREATE TYPE mood AS ENUM ('sad', 'ok');
  CREATE TABLE orders AS SELECT g AS id, md5(g::text) AS word, g * 1.5::numeric(12,3) AS price,
    CASE WHEN g % 3 = 0 THEN NULL ELSE E'tab\\there\\\\' END AS note, 'ok'::mood AS mood
    FROM generate_series(1, 300) g;
  ALTER TABLE orders ADD PRIMARY KEY (id);
  CREATE TABLE kept AS SELECT g AS id, repeat(md5(g::text), 4) AS word FROM generate_series(1, 200) g;
  CREATE TABLE empty (id int);
  CREATE TABLE parts (day date, v bytea) PARTITION BY RANGE (day);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
  INSERT INTO parts SELECT date '2026-01-01' + g % 31, decode(md5(g::text), 'hex') FROM generate_series(1, 60) g;
  CREATE SEQUENCE numbers; SELECT setval('numbers', 77);
  CREATE VIEW dear AS SELECT * FROM orders WHERE price > 100;
  SELECT lo_from_bytea(4711, 'a large object')`;

const SUMMARIES = { wal_level: 'replica', summarize_wal: 'on', fsync: 'on' };

type Make = (folder: string, root: string) => Promise<string | undefined>;

const MAKERS: Readonly<Record<string, Make>> = {
  'v1-shards': (folder, root) => shards(folder, root, {}),
  'v1-encrypted': async (folder, root) => {
    const keys = await testKeys(folder);
    await shards(folder, root, { encryption: keys.section() });
    return readFile(keys.identityFile, 'utf8');
  },
  'v1-adopted-gpcrondump': (folder, root) =>
    adopted(folder, root, [
      'gpcrondump',
      'test/fixtures/gpcrondump/v43-full-gzip',
      '--timestamp',
      '20261129014754',
    ]),
  'v1-gpbackup': (folder, root) => ofGpbackup(folder, root, undefined),
  'v1-gpbackup-encrypted': async (folder, root) => {
    const keys = await testKeys(folder);
    await ofGpbackup(folder, root, { recipients: [keys.recipient] });
    return readFile(keys.identityFile, 'utf8');
  },
  'v1-greenplum': (folder, root) => greenplum(folder, root),
};

/** Two sets on 17: the second carries a table by witness, and frames by content. */
async function shards(folder: string, root: string, more: object): Promise<undefined> {
  const binDir = await postgres17();
  const options = { databases: ['shop'], settings: SUMMARIES, ...(binDir && { binDir }) };
  const servers = await startCluster(2, options);
  try {
    for (const server of servers) await server.psql(SCHEMA, 'shop');
    for (const server of servers) await server.psql('VACUUM', 'shop');
    const config = await writeConfig(join(folder, 'stowage.yaml'), {
      ...{ cluster: 'golden', root, database: 'shop', backup: { frameBytes: 4096 } },
      segments: servers.map(({ host, port }, content) => ({ content, host, port })),
      connection: { user: servers[0]?.user, binDir: servers[0]?.binDir },
      ...more,
    });
    await run(config, 'backup', '--tag', 'golden');
    for (const server of servers)
      await server.psql(`UPDATE orders SET note = 'new' WHERE id = 7`, 'shop');
    await run(config, 'backup');
    return undefined;
  } finally {
    await stopAll(servers);
  }
}

async function adopted(folder: string, root: string, args: string[]): Promise<undefined> {
  const config = await writeConfig(join(folder, 'stowage.yaml'), {
    ...{ cluster: 'golden', flavour: 'greenplum', root, database: 'shop' },
    coordinator: { host: '127.0.0.1', port: 1 },
  });
  await run(config, 'adopt', ...args);
  return undefined;
}

/** What gpbackup passes to the plugin: on a coordinator, and on another host with both segments. */
async function ofGpbackup(folder: string, root: string, encryption: unknown): Promise<undefined> {
  const hostWith = async (name: string) => {
    const config = join(folder, `${name}.yaml`);
    await writeFile(
      config,
      stringify({
        ...{ cluster: 'golden', flavour: 'greenplum', root, database: 'tiny', coordinator: {} },
        ...{ functions: 'inline', ...(encryption !== undefined && { encryption }) },
      }),
    );
    const options = { config, node: process.execPath, encryption: encryption ? 'on' : 'off' };
    const plugin = join(folder, `golden-${process.pid}-${name}.yaml`);
    await writeFile(plugin, stringify({ executablepath: GPBACKUP_PLUGIN, options }));
    return plugin;
  };
  const [config, other] = [await hostWith('coordinator'), await hostWith('segments')];
  const host = join(folder, 'host');
  const end = await replayBackup({ config, configOf: () => other, host, env: {} });
  if (end.code !== 0) throw new Error(end.stderr);
}

/** On your own Greenplum: STOWAGE_TEST_GREENPLUM is its coordinator, the database is `golden`. */
async function greenplum(folder: string, root: string): Promise<undefined> {
  const [host = '', port = ''] = (process.env['STOWAGE_TEST_GREENPLUM'] ?? '').split(':');
  const binDir = join(process.env['GPHOME'] ?? '', 'bin');
  for (const [name, backup] of Object.entries({
    barrier: {},
    dispatch: { snapshot: 'dispatch' },
    coordinator: { through: 'coordinator' },
  })) {
    const config = await writeConfig(join(folder, `${name}.yaml`), {
      ...{ cluster: 'golden', flavour: 'greenplum', root, database: 'golden', backup },
      coordinator: { host, port: Number(port) },
      connection: { user: process.env['PGUSER'], binDir },
    });
    await run(config, 'backup', '--full');
  }
  return undefined;
}

async function run(config: string, ...args: string[]): Promise<void> {
  const result = await stowage(args, { config });
  if (result.code !== 0) throw new Error(`${args.join(' ')}: ${result.text}`);
}

for (const name of process.argv.slice(2)) {
  const make = MAKERS[name];
  if (make === undefined) throw new Error(`there are ${Object.keys(MAKERS).join(', ')}`);
  const folder = await mkdtemp(join(tmpdir(), 'stowage-golden-'));
  const root = pathToFileURL(join(folder, 'root')).href;
  const identity = await make(folder, root);
  const into = join(GOLDEN, name);
  await mkdir(into, { recursive: true });
  await cp(join(folder, 'root'), join(into, 'root'), { recursive: true });
  if (identity !== undefined) await writeFile(join(into, 'identity.txt'), identity);
  const store = await openStore({ root });
  await writeFile(
    join(into, 'expected.json'),
    `${JSON.stringify(await rowsIn(store, identity), null, 1)}\n`,
  );
  await store.close();
  await rm(folder, { recursive: true });
}
