import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rowDigests } from '../../support/row-digests.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { HOSTILE_NAMES } from '../../support/trouble/names.ts';
import { bigTable, smallTables, troubleSchema } from '../../support/trouble/trouble.ts';

let server: TestServer;
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'stowage-trouble-'));
  server = await startPostgres({ databases: ['original', 'copy', 'other'] });
  for (const sql of troubleSchema({ content: 0, rolePrefix: 'zero_' }))
    await server.psql(sql, 'original');
});
afterAll(async () => {
  await server?.stop();
  await rm(scratch, { recursive: true, force: true });
});

/** Runs one of PostgreSQL's programs. @throws with its error output. */
async function tool(name: string, ...args: string[]): Promise<string> {
  const env = {
    PGHOST: server.host,
    PGPORT: String(server.port),
    PGUSER: server.user,
    LC_ALL: 'C.UTF-8',
  };
  const options = { env, maxBuffer: 64 * 1024 * 1024 };
  return (await promisify(execFile)(join(server.binDir, name), args, options)).stdout;
}

/**
 * The schema, without \restrict and its random word, which newer releases put around every dump.
 */
async function schemaOf(database: string): Promise<string> {
  const dump = await tool('pg_dump', '--schema-only', '--dbname', database);
  return dump.replaceAll(/^\\(un)?restrict .*\n/gm, '');
}

const rowsOf = (database: string) => rowDigests(server, database);

describe('the trouble database', () => {
  test('is restored completely by pg_dump and pg_restore', async () => {
    const file = join(scratch, 'original.dump');
    await tool('pg_dump', '--format=custom', '--file', file, 'original');
    await tool('pg_restore', '--exit-on-error', '--dbname', 'copy', file);
    expect(await schemaOf('copy')).toBe(await schemaOf('original'));
    expect(await rowsOf('copy')).toEqual(await rowsOf('original'));
    const largeObjects =
      'SELECT loid, md5(string_agg(data, NULL ORDER BY pageno)) FROM pg_largeobject GROUP BY 1 ORDER BY 1';
    expect(await server.psql(largeObjects, 'copy')).toBe(
      await server.psql(largeObjects, 'original'),
    );
    const sequences = 'SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2';
    expect(await server.psql(sequences, 'copy')).toBe(await server.psql(sequences, 'original'));
  });

  test('has tables with hostile names, rows without columns, a value of 5 MB and a row of 1,500 columns', async () => {
    const rows = await rowsOf('original');
    expect([...rows.keys()].filter((name) => name.startsWith('names.'))).toHaveLength(
      HOSTILE_NAMES.length,
    );
    expect(rows.get('kinds.no_columns')).toMatch(/^5\|/);
    expect(rows.get('kinds.no_columns_left')).toMatch(/^3\|/);
    expect(rows.get('code.guarded')).toMatch(/^50\|/);
    expect(await server.psql('SELECT max(length(t)) FROM sizes.long_values', 'original')).toBe(
      '5279999',
    );
    const columns = `SELECT count(*) FROM pg_attribute WHERE attrelid = 'sizes.wide'::regclass AND attnum > 0`;
    expect(await server.psql(columns, 'original')).toBe('1500');
  });

  test('has the same schema but different rows on another shard', async () => {
    for (const sql of troubleSchema({ content: 1, rolePrefix: 'one_' }))
      await server.psql(sql, 'other');
    const [first, second] = [await rowsOf('original'), await rowsOf('other')];
    expect([...second.keys()]).toEqual([...first.keys()]);
    const same = [...first]
      .filter(([name, digest]) => second.get(name) === digest)
      .map(([name]) => name);
    expect(same.length).toBeLessThan(first.size / 2);
  });

  test('can be extended by a table of a given size and a given number of small tables', async () => {
    for (const sql of [...bigTable(2, 3), ...smallTables(250, 3)]) await server.psql(sql, 'other');
    const copied = await tool('psql', '-X', '-d', 'other', '-c', 'COPY big.lineitem TO STDOUT');
    expect(copied.length).toBeGreaterThan(1_900_000);
    expect(copied.length).toBeLessThan(2_100_000);
    expect(
      await server.psql(`SELECT count(*) FROM pg_tables WHERE schemaname = 'small'`, 'other'),
    ).toBe('250');
  });
});
