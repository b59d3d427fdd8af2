import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../chaos/random.ts';
import { waitFor } from '../../support/wait-for.ts';
import type { ModelServer } from '../server.ts';

export const MODEL_DATABASE = 'model';
export const TABLESPACE = 'far';

/** A change of a server as a whole. */
export interface ServerChange {
  readonly name: string;
  readonly weight: number;
  /** The oldest version that has what is changed. */
  readonly from?: number;
  run(server: ModelServer, random: Random): Promise<void> | Promise<FollowUp>;
}

/** What changes after the next backup. */
export type FollowUp = () => Promise<FollowUp | undefined>;

const D = MODEL_DATABASE;

/** The summaries of a change are removed, those of the last backup are not. */
async function changeUnseen(server: ModelServer, random: Random): Promise<void> {
  const before = await server.summaries();
  const change = `UPDATE plain SET word = 'gone' WHERE id = ${random.below(3000)}`;
  const place = 'SELECT pg_current_wal_insert_lsn()::text AS at';
  const [row] = await server.sql(D, change, place);
  const seen = `SELECT 1 FROM pg_available_wal_summaries() WHERE end_lsn >= '${row?.['at']}'`;
  await waitFor('a summary of the change', async () => {
    const [one] = await server.sql(D, 'CHECKPOINT', seen);
    return one;
  });
  await server.removeSummaries((file) => !before.includes(file));
}

/** Two histories that write as many bytes each, more than a second apart, as times of files are. */
async function twoHistories(server: ModelServer): Promise<FollowUp> {
  await server.sql(D, 'ALTER SYSTEM SET autovacuum = off', 'VACUUM FREEZE');
  await server.keepColdCopy();
  const copy = server.copies.at(-1);
  const live = async (word: string) => {
    if (copy !== undefined) await server.restoreCopy(copy);
    await sleep(1_100);
    await server.sql(D, `UPDATE plain SET word = '${word}' WHERE id = 5`).catch(ignore);
  };
  await live('one');
  return async () => {
    await live('two');
    return async () => {
      await server.sql(D, 'ALTER SYSTEM RESET autovacuum', 'SELECT pg_reload_conf()');
      return undefined;
    };
  };
}

/** The rows change under another oid, and come back as files under the oid that they had. */
async function replaceDatabase(server: ModelServer, random: Random): Promise<void> {
  const [row] = await server.sql(
    'postgres',
    `ALTER DATABASE ${D} RENAME TO before`,
    'CREATE DATABASE between TEMPLATE before STRATEGY FILE_COPY',
    `SELECT oid FROM pg_database WHERE datname = 'before'`,
  );
  const change = `UPDATE plain SET word = 'other' WHERE id = ${random.below(3000)}`;
  await server.sql('between', change).catch(ignore);
  await server.sql(
    'postgres',
    'DROP DATABASE before',
    `CREATE DATABASE ${D} OID = ${row?.['oid']} TEMPLATE between STRATEGY FILE_COPY`,
    'DROP DATABASE between',
  );
}

/** There, and back after the next backup: tables in a tablespace have no stamps. */
async function moveDatabase(server: ModelServer, random: Random): Promise<FollowUp> {
  const moveTo = async (tablespace: string) => {
    const change = `UPDATE plain SET word = 'moved' WHERE id = ${random.below(3000)}`;
    await server.sql(D, change).catch(ignore);
    await server.sql('postgres', `ALTER DATABASE ${D} SET TABLESPACE ${tablespace}`);
  };
  await moveTo(TABLESPACE);
  return async () => {
    await moveTo('pg_default');
    return undefined;
  };
}

async function restoreCopy(server: ModelServer, random: Random): Promise<void> {
  if (server.copies.length === 0) return server.keepColdCopy();
  return server.restoreCopy(random.pick(server.copies));
}

/** Changes of servers after which witnesses of an older set may say nothing. */
export const SERVER_CHANGES: readonly ServerChange[] = [
  { name: 'crash', weight: 4, run: (server) => server.restart('SIGQUIT') },
  { name: 'restart', weight: 1, run: (server) => server.restart('SIGINT') },
  { name: 'base backup', weight: 3, run: (server) => server.keepBaseBackup() },
  { name: 'cold copy', weight: 3, run: (server) => server.keepColdCopy() },
  { name: 'restore of a copy', weight: 5, run: restoreCopy },
  {
    name: 'failover',
    weight: 3,
    run: (server, random) =>
      server.failOver(async () => {
        const lost = `UPDATE plain SET word = 'lost' WHERE id = ${random.below(3000)}`;
        await server.sql(D, lost).catch(() => undefined);
      }),
  },
  {
    name: 'checkpoint and new WAL file',
    weight: 2,
    run: async (server) => void (await server.sql(D, 'CHECKPOINT', 'SELECT pg_switch_wal()')),
  },
  {
    name: 'summaries removed',
    weight: 2,
    from: 17,
    run: (server, random) => server.removeSummaries(() => random.chance(0.5)),
  },
  { name: 'change without summary', weight: 4, from: 17, run: changeUnseen },
  { name: 'two histories', weight: 3, run: twoHistories },
  { name: 'database replaced', weight: 4, run: replaceDatabase },
  {
    name: 'no summaries for a time',
    weight: 2,
    from: 17,
    run: async (server) => {
      await server.setting('summarize_wal', 'off');
      await server
        .sql(D, `UPDATE plain SET word = 'unseen' WHERE id = 5`, 'CHECKPOINT')
        .catch(ignore);
      await server.setting('summarize_wal', 'on');
    },
  },
  {
    name: 'minimal WAL for a time',
    weight: 2,
    run: async (server) => {
      await server.setting('summarize_wal', undefined);
      await server.setting('max_wal_senders', '0');
      await server.setting('wal_level', 'minimal');
      const fill = 'INSERT INTO grown (id) SELECT g FROM generate_series(1, 300) g';
      await server.sql(D, 'BEGIN', 'TRUNCATE grown', fill, 'COMMIT').catch(ignore);
      await server.sql(D, `UPDATE plain SET word = 'minimal' WHERE id = 7`).catch(ignore);
      await server.setting('wal_level', 'replica');
      await server.setting('max_wal_senders', '4');
      if (server.major >= 17) await server.setting('summarize_wal', 'on');
    },
  },
  { name: 'WAL reset', weight: 1, run: (server) => server.resetWal() },
  {
    name: 'database moved to another tablespace',
    weight: 2,
    run: moveDatabase,
  },
  {
    name: 'database made again from itself',
    weight: 2,
    run: async (server, random) => {
      const strategy = random.pick(['WAL_LOG', 'FILE_COPY']);
      await server.sql(
        'postgres',
        `ALTER DATABASE ${D} RENAME TO before`,
        `CREATE DATABASE ${D} TEMPLATE before STRATEGY ${strategy}`,
        'DROP DATABASE before',
      );
    },
  },
];

const ignore = () => undefined;
