import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pMap from 'p-map';
import { type Ceph, startCeph } from '../support/ceph.ts';
import { startPostgres, type TestServer } from '../support/postgres.ts';
import { bigTable } from '../support/trouble.ts';

/** Everything a run needs: a server with rows, a store, a configuration, and room for the baseline's files. */
export interface Place {
  readonly server: TestServer;
  readonly home: string;
  readonly tables: readonly string[];
  /** `file` or the endpoint's name, for the report. */
  readonly storeName: string;
  /** What runs `stowage`. */
  readonly stowage: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  remove(): Promise<void>;
}

export interface Size {
  readonly megabytes: number;
  readonly tables: number;
  readonly workers: number;
  readonly isCeph: boolean;
}

export const SOURCE = 'source';
const BUCKET = 'bench';

export async function makePlace(size: Size, say: (text: string) => void): Promise<Place> {
  const home = await mkdtemp(join(tmpdir(), 'stowage-bench-'));
  let server: TestServer | undefined;
  let ceph: Ceph | undefined;
  const remove = async () => {
    await ceph?.stop();
    await server?.stop();
    await rm(home, { recursive: true, force: true });
  };
  try {
    // As a server that is tuned for loads: the default of 1 GB of log makes it checkpoint all the time.
    server = await startPostgres({
      databases: [SOURCE],
      settings: { max_wal_size: '8GB', shared_buffers: '512MB' },
    });
    say(`filling ${size.tables} tables with ${size.megabytes} MB of rows`);
    const tables = await fill(server, size);
    await mkdir(join(home, 'root'));
    await mkdir(join(home, 'baseline'));
    if (size.isCeph) {
      say('starting Ceph (bluestore)');
      ceph = await startCeph({ objectStore: 'bluestore' });
      await ceph.createBucket(BUCKET);
    }
    await writeFile(join(home, 'stowage.yaml'), JSON.stringify(configuration(home, server, size, ceph)));
    return {
      server,
      home,
      tables,
      storeName: ceph === undefined ? 'a directory' : 'Ceph RGW (bluestore)',
      stowage: await program(join(home, 'stowage.yaml')),
      env: { ...process.env, ...ceph?.env },
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

function configuration(home: string, server: TestServer, { workers }: Size, ceph: Ceph | undefined) {
  return {
    cluster: 'bench',
    root: ceph === undefined ? `file://${join(home, 'root')}` : `s3://${BUCKET}/root`,
    database: SOURCE,
    segments: [{ content: 0, host: server.host, port: server.port }],
    connection: { user: server.user, binDir: server.binDir },
    shippers: { workers },
    functions: 'inline',
    ...(ceph === undefined
      ? {}
      : { storage: { endpoint: ceph.endpoint, region: ceph.region, forcePathStyle: true } }),
  };
}

/** Every table in a schema of its own, two at a time on two cores. */
async function fill(server: TestServer, { megabytes, tables }: Size): Promise<string[]> {
  const schemas = Array.from({ length: tables }, (_, index) => `big_${index + 1}`);
  await pMap(
    schemas,
    async (schema, index) => {
      for (const sql of bigTable(megabytes / tables, index))
        await server.psql(sql.replaceAll(/\bbig\b/g, schema), SOURCE);
    },
    { concurrency: 2 },
  );
  await server.psql('VACUUM ANALYZE', SOURCE);
  await server.psql('CHECKPOINT', SOURCE);
  return schemas.map((schema) => `${schema}.lineitem`);
}

/** The built command line; from source where nothing was built. */
async function program(config: string): Promise<string[]> {
  const built = fileURLToPath(new URL('../../dist/stowage.js', import.meta.url));
  const source = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
  const entry = await access(built).then(
    () => built,
    () => source,
  );
  return [process.execPath, entry, '--config', config, '--json'];
}
